// SPDX-License-Identifier: BSL-1.0
#include "fixtures.hpp"

#include <coramfs/entries.hpp>
#include <coramfs/pinned.hpp>
#include <coramfs/sqlite.hpp>
#include <coramfs/sync/file_system.hpp>

#include <asio/buffer.hpp>

#include <fstream>
#include <new>
#include <stdexcept>
#include <utility>

#include <sqlite3.h>

namespace sqlite_test_fixtures {

namespace {

using test = std::function<void(sqlite3*)>;

class database {
 public:
  explicit database(const std::string& uri) {
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI;
    const int code = sqlite3_open_v2(uri.c_str(), &db_, flags, nullptr);
    const std::string why = sqlite3_errmsg(db_);
    if (code != SQLITE_OK) {
      sqlite3_close(db_);
      throw std::runtime_error(uri + ": " + why);
    }
  }
  database(const database&) = delete;
  database& operator=(const database&) = delete;
  ~database() { sqlite3_close(db_); }

  sqlite3* get() const { return db_; }
  void run(const std::string& sql) const {
    if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(db_));
  }

 private:
  sqlite3* db_ = nullptr;
};

/// A volume of its own for each test: its own quota, its own names, and the content shared.
class fork_of_volume : public fixture {
 public:
  explicit fork_of_volume(const master& of) : master_(of) {}
  std::string_view name() const override { return "a fork of the volume"; }
  void give_to(const test& run) override {
    const coramfs::volume mine = master_.in.fork({}).value();
    const auto vfs = coramfs::sqlite::vfs::create(mine).value();
    run(database(vfs.uri(master_.path)).get());
  }

 private:
  const master& master_;
};

/// Another file of the one volume, with the content shared.
class shared_copy : public fixture {
 public:
  explicit shared_copy(const master& of)
      : files_(of.in), vfs_(coramfs::sqlite::vfs::create(of.in).value()), path_(of.path) {}
  std::string_view name() const override { return "a shared copy in it"; }
  void give_to(const test& run) override {
    files_.copy(path_, mine, coramfs::copy_options::content::share).value();
    run(database(vfs_.uri(mine)).get());
    files_.remove(mine).value();
  }

 private:
  static constexpr const char* mine = "/mine.db";

  coramfs::sync::file_system files_;
  coramfs::sqlite::vfs vfs_;
  const std::string path_;
};

/// What one does without: a copy of the bytes for SQLite's own memory.
class deserialized : public fixture {
 public:
  explicit deserialized(const master& of)
      : image_(coramfs::sqlite::image(of.in, of.path).value()) {}
  std::string_view name() const override { return "sqlite3_deserialize"; }
  void give_to(const test& run) override {
    const auto size = static_cast<sqlite3_int64>(image_.size());
    auto* const bytes = static_cast<unsigned char*>(sqlite3_malloc64(image_.size()));
    if (bytes == nullptr) throw std::bad_alloc();
    asio::buffer_copy(asio::buffer(bytes, image_.size()), image_);
    const database db("file::memory:");
    constexpr unsigned how = SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE;
    if (sqlite3_deserialize(db.get(), "main", bytes, size, size, how) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(db.get()));
    run(db.get());
  }

 private:
  const coramfs::pinned image_;
};

/// A copy of a file, and SQLite's own VFS.
class copy_on_disk : public fixture {
 public:
  copy_on_disk(const master& of, const std::filesystem::path& folder)
      : master_(folder / "master.db"), mine_(folder / "mine.db") {
    const coramfs::pinned image = coramfs::sqlite::image(of.in, of.path).value();
    std::ofstream out(master_, std::ios::binary);
    for (const asio::const_buffer part : image)
      out.write(static_cast<const char*>(part.data()), static_cast<std::streamsize>(part.size()));
    if (!out.flush()) throw std::runtime_error(master_.string() + " can not be written");
  }
  std::string_view name() const override { return "a copy of the file"; }
  void give_to(const test& run) override {
    std::filesystem::copy_file(master_, mine_);
    run(database("file:" + mine_.string()).get());
    std::filesystem::remove(mine_);
  }

 private:
  const std::filesystem::path master_, mine_;
};

/// The statements that make it anew.
class dump : public fixture {
 public:
  explicit dump(const master& of) {
    const auto vfs = coramfs::sqlite::vfs::create(of.in).value();
    const database db(vfs.uri(of.path));
    text_ = "BEGIN;\n";
    append(db, "SELECT sql FROM sqlite_master WHERE type = 'table'");
    append(db, "SELECT format('INSERT INTO files VALUES(%Q, %d)', path, size) FROM files");
    append(db, "SELECT format('INSERT INTO totals VALUES(%d, %d)', files, bytes) FROM totals");
    append(db, "SELECT sql FROM sqlite_master WHERE type <> 'table' AND sql IS NOT NULL");
    text_ += "COMMIT;";
  }
  std::string_view name() const override { return "loading a dump"; }
  void give_to(const test& run) override {
    const database db("file::memory:");
    db.run(text_);
    run(db.get());
  }

 private:
  void append(const database& from, const char* question) {
    const auto add = [](void* to, int, char** values, char**) {
      *static_cast<std::string*>(to) += std::string(values[0]) + ";\n";
      return 0;
    };
    if (sqlite3_exec(from.get(), question, add, &text_, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(from.get()));
  }

  std::string text_;
};

}  // namespace

std::vector<std::unique_ptr<fixture>> all_fixtures(const master& of,
                                                   const std::filesystem::path& folder) {
  std::vector<std::unique_ptr<fixture>> all;
  all.push_back(std::make_unique<fork_of_volume>(of));
  all.push_back(std::make_unique<shared_copy>(of));
  all.push_back(std::make_unique<deserialized>(of));
  all.push_back(std::make_unique<copy_on_disk>(of, folder));
  all.push_back(std::make_unique<dump>(of));
  return all;
}

}  // namespace sqlite_test_fixtures
