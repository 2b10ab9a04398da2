// SPDX-License-Identifier: BSL-1.0
#include "peers/peer.hpp"

#include <kj/filesystem.h>

namespace coramfs::bench {

namespace {

// Cap'n Proto's directory in memory, without a clock.
class of_kj {
 public:
  of_kj() = default;
  of_kj(const of_kj&) = delete;
  of_kj& operator=(const of_kj&) = delete;
  ~of_kj() noexcept {}  // kj's own may throw

  void make_directory(const std::string& path) {
    files_->openSubdir(path_of(path), kj::WriteMode::CREATE);
  }
  void write(const std::string& path, data piece, std::size_t pieces) {
    const auto f = files_->openFile(path_of(path), kj::WriteMode::CREATE | kj::WriteMode::MODIFY);
    f->truncate(0);
    const auto from = reinterpret_cast<const kj::byte*>(piece.data());
    for (std::size_t i = 0; i < pieces; ++i)
      f->write(i * piece.size(), kj::arrayPtr(from, piece.size()));
  }
  void read(const std::string& path, space piece, std::size_t pieces) {
    const auto f = files_->openFile(path_of(path));
    const auto to = kj::arrayPtr(reinterpret_cast<kj::byte*>(piece.data()), piece.size());
    for (std::size_t i = 0; i < pieces; ++i)
      check(f->read(i * piece.size(), to) == piece.size(), "kj: too short");
  }
  void open(const std::string& path) { files_->openFile(path_of(path)); }
  void remove(const std::string& path) { files_->remove(path_of(path)); }

 private:
  // Its paths are relative.
  static kj::Path path_of(const std::string& path) { return kj::Path::parse(path.c_str() + 1); }

  kj::Own<const kj::Directory> files_ = kj::newInMemoryDirectory(kj::nullClock());
};

}  // namespace

contender kj_directory() { return blocking_contender<of_kj>("kj"); }

}  // namespace coramfs::bench
