// SPDX-License-Identifier: BSL-1.0
#include "peers/peer.hpp"

#include <leveldb/env.h>
#include <leveldb/helpers/memenv.h>

#include <algorithm>

namespace coramfs::bench {

namespace {

class of_leveldb {
 public:
  void make_directory(const std::string&) {}
  void write(const std::string& path, data piece, std::size_t pieces) {
    leveldb::WritableFile* made = nullptr;
    check(files_->NewWritableFile(path, &made));
    const std::unique_ptr<leveldb::WritableFile> f(made);
    for (; pieces != 0; --pieces)
      check(f->Append({reinterpret_cast<const char*>(piece.data()), piece.size()}));
    check(f->Close());
  }
  void read(const std::string& path, space piece, std::size_t pieces) {
    const auto f = opened(path);
    const auto to = reinterpret_cast<char*>(piece.data());
    for (; pieces != 0; --pieces) {
      leveldb::Slice shown;
      check(f->Read(piece.size(), &shown, to));
      bench::check(shown.size() == piece.size(), "LevelDB: too short");
      // It shows its own memory where it can, and the others all copy.
      if (shown.data() != to) std::copy_n(shown.data(), shown.size(), to);
    }
  }
  void open(const std::string& path) { opened(path); }
  void remove(const std::string& path) { check(files_->RemoveFile(path)); }

 private:
  static void check(const leveldb::Status& s) { bench::check(s.ok(), s.ToString()); }
  std::unique_ptr<leveldb::SequentialFile> opened(const std::string& path) {
    leveldb::SequentialFile* f = nullptr;
    check(files_->NewSequentialFile(path, &f));
    return std::unique_ptr<leveldb::SequentialFile>(f);
  }

  std::unique_ptr<leveldb::Env> files_{leveldb::NewMemEnv(leveldb::Env::Default())};
};

}  // namespace

contender leveldb_environment() { return blocking_contender<of_leveldb>("leveldb"); }

}  // namespace coramfs::bench
