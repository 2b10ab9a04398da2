// SPDX-License-Identifier: BSL-1.0
#include "peers/peer.hpp"

#include <rocksdb/env.h>

#include <algorithm>

namespace coramfs::bench {

namespace {

class of_rocksdb {
 public:
  void make_directory(const std::string& path) { check(files_->CreateDir(path)); }
  void write(const std::string& path, data piece, std::size_t pieces) {
    std::unique_ptr<rocksdb::WritableFile> f;
    check(files_->NewWritableFile(path, &f, options_));
    for (; pieces != 0; --pieces)
      check(f->Append({reinterpret_cast<const char*>(piece.data()), piece.size()}));
    check(f->Close());
  }
  void read(const std::string& path, space piece, std::size_t pieces) {
    const auto f = opened(path);
    const auto to = reinterpret_cast<char*>(piece.data());
    for (; pieces != 0; --pieces) {
      rocksdb::Slice shown;
      check(f->Read(piece.size(), &shown, to));
      bench::check(shown.size() == piece.size(), "RocksDB: too short");
      // It may show its own memory, and the others all copy.
      if (shown.data() != to) std::copy_n(shown.data(), shown.size(), to);
    }
  }
  void open(const std::string& path) { opened(path); }
  void remove(const std::string& path) { check(files_->DeleteFile(path)); }

 private:
  static void check(const rocksdb::Status& s) { bench::check(s.ok(), s.ToString()); }
  std::unique_ptr<rocksdb::SequentialFile> opened(const std::string& path) {
    std::unique_ptr<rocksdb::SequentialFile> f;
    check(files_->NewSequentialFile(path, &f, options_));
    return f;
  }

  std::unique_ptr<rocksdb::Env> files_{rocksdb::NewMemEnv(rocksdb::Env::Default())};
  const rocksdb::EnvOptions options_;
};

}  // namespace

contender rocksdb_environment() { return blocking_contender<of_rocksdb>("rocksdb"); }

}  // namespace coramfs::bench
