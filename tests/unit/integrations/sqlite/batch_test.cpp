// SPDX-License-Identifier: BSL-1.0
// Batches of atomic writes, by the calls that SQLite makes for them where it was compiled for them.
#include <coramfs/sqlite_vfs.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"
#include "unit/integrations/sqlite/raw_file.hpp"

#include <cstdint>
#include <string>

#include <sqlite3.h>

namespace coramfs::tests {

namespace {

constexpr int begin = SQLITE_FCNTL_BEGIN_ATOMIC_WRITE;
constexpr int commit = SQLITE_FCNTL_COMMIT_ATOMIC_WRITE;
constexpr int put_back = SQLITE_FCNTL_ROLLBACK_ATOMIC_WRITE;

std::string letters(char first, std::size_t size) {
  std::string text(size, first);
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(first + i / 512 % 20);
  return text;
}

// A database of 20,000 bytes, in a volume with exact figures.
struct stage {
  explicit stage(storage_layout layout = storage_layout::automatic)
      : fs(volume::create({.default_storage = layout, .accounting = accounting::payload}).value()),
        vfs(sqlite::vfs::create(fs.get_volume(), {.patience = lock_timeout::immediate()}).value()) {
    fs.write_file("/a", before).value();
  }

  std::string content() {
    const auto bytes = fs.read_text("/a");
    return bytes ? bytes.value() : bytes.error().message();
  }
  std::uint64_t used() const { return fs.get_volume().stats().used_bytes; }

  const std::string before = letters('a', 20'000);
  sync::file_system fs;
  sqlite::vfs vfs;
};

// Overwrites pages, one of them twice and one in part, and makes the file longer.
void write_pages(raw_file& to) {
  CHECK(to.write(letters('A', 4096), 4096) == SQLITE_OK);
  CHECK(to.write(letters('B', 4096), 4096) == SQLITE_OK);
  CHECK(to.write(letters('C', 65536 / 4), 8192) == SQLITE_OK);
  CHECK(to.write(letters('D', 100), 19'950) == SQLITE_OK);
  CHECK(to.write(letters('E', 4096), 36'864) == SQLITE_OK);
}

std::string written(std::string content) {
  content.resize(40'960);
  content.replace(4096, 4096, letters('B', 4096));
  content.replace(8192, 16'384, letters('C', 16'384));
  content.replace(19'950, 100, letters('D', 100));
  content.replace(36'864, 4096, letters('E', 4096));
  return content;
}

}  // namespace

TEST_CASE("sqlite batches: committed is all of it, put back nothing", "[sqlite][batch]") {
  const auto layout = GENERATE(storage_layout::automatic, storage_layout::sequential,
                               storage_layout::random_access);
  const bool stays = GENERATE(true, false);
  stage s(layout);
  const std::uint64_t used = s.used();
  {
    raw_file a(s.vfs, "/a", raw_file::database);
    REQUIRE(a.lock(SQLITE_LOCK_SHARED) == SQLITE_OK);
    REQUIRE(a.lock(SQLITE_LOCK_EXCLUSIVE) == SQLITE_OK);
    REQUIRE(a.control(begin) == SQLITE_OK);
    write_pages(a);
    REQUIRE(a.control(stays ? commit : put_back) == SQLITE_OK);
    CHECK(a.control(commit) == SQLITE_IOERR_COMMIT_ATOMIC);
    // What is written now belongs to no batch.
    CHECK(a.write("xyz", 0) == SQLITE_OK);
    REQUIRE(a.unlock(SQLITE_LOCK_NONE) == SQLITE_OK);
  }
  std::string expected = stays ? written(s.before) : s.before;
  expected.replace(0, 3, "xyz");
  CHECK(s.content() == expected);
  CHECK(s.used() == used + expected.size() - s.before.size());
}

TEST_CASE("sqlite batches: one that is begun is undone by an unlock and by a close",
          "[sqlite][batch]") {
  const bool is_closed = GENERATE(true, false);
  stage s;
  const std::uint64_t used = s.used();
  raw_file a(s.vfs, "/a", raw_file::database);
  REQUIRE(a.lock(SQLITE_LOCK_SHARED) == SQLITE_OK);
  REQUIRE(a.lock(SQLITE_LOCK_EXCLUSIVE) == SQLITE_OK);
  REQUIRE(a.control(begin) == SQLITE_OK);
  write_pages(a);
  CHECK(s.used() > used + 20'000);  // what is kept is charged
  if (!is_closed) REQUIRE(a.unlock(SQLITE_LOCK_SHARED) == SQLITE_OK);
  a.close();
  CHECK(s.content() == s.before);
  CHECK(s.used() == used);
}

TEST_CASE("sqlite batches: whatever byte is lacking, the database can be put back",
          "[sqlite][batch]") {
  int refused = 0;
  for (std::uint64_t more = 0;; more += 97) {
    stage s;
    const std::uint64_t used = s.used();
    raw_file a(s.vfs, "/a", raw_file::database);
    REQUIRE(a.lock(SQLITE_LOCK_SHARED) == SQLITE_OK);
    REQUIRE(a.lock(SQLITE_LOCK_EXCLUSIVE) == SQLITE_OK);
    volume of = s.fs.get_volume();
    of.set_quota(used + more).value();
    int code = a.control(begin);
    for (sqlite3_int64 at = 0; code == SQLITE_OK && at < 24'576; at += 4096)
      code = a.write(letters('A', 4096), at);
    const bool is_full = code == SQLITE_FULL;
    if (!is_full) REQUIRE(code == SQLITE_OK);
    REQUIRE(a.control(put_back) == SQLITE_OK);
    a.close();
    REQUIRE(s.content() == s.before);
    REQUIRE(s.used() == used);
    if (!is_full) break;
    ++refused;
  }
  CHECK(refused > 200);
}

TEST_CASE("sqlite batches: they are for who has the database alone, and may be switched off",
          "[sqlite][batch]") {
  stage s;
  raw_file a(s.vfs, "/a", raw_file::database);
  CHECK((a.characteristics() & SQLITE_IOCAP_BATCH_ATOMIC) != 0);
  CHECK(a.control(begin) == SQLITE_IOERR_BEGIN_ATOMIC);
  REQUIRE(a.lock(SQLITE_LOCK_SHARED) == SQLITE_OK);
  REQUIRE(a.lock(SQLITE_LOCK_RESERVED) == SQLITE_OK);
  CHECK(a.control(begin) == SQLITE_IOERR_BEGIN_ATOMIC);
  CHECK(a.control(put_back) == SQLITE_OK);
  REQUIRE(a.lock(SQLITE_LOCK_EXCLUSIVE) == SQLITE_OK);
  REQUIRE(a.control(begin) == SQLITE_OK);
  CHECK(a.control(begin) == SQLITE_IOERR_BEGIN_ATOMIC);
  CHECK(a.truncate(100) == SQLITE_IOERR_TRUNCATE);
  CHECK(a.truncate(30'000) == SQLITE_OK);
  REQUIRE(a.control(put_back) == SQLITE_OK);
  a.close();
  CHECK(s.content() == s.before);

  const auto without = sqlite::vfs::create(s.fs.get_volume(), {.batch_atomic = false}).value();
  raw_file b(without, "/a", raw_file::database);
  CHECK((b.characteristics() & SQLITE_IOCAP_BATCH_ATOMIC) == 0);
  CHECK(b.control(begin) == SQLITE_NOTFOUND);
}

}  // namespace coramfs::tests
