// SPDX-License-Identifier: BSL-1.0
#include "peers/peer.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

namespace coramfs::bench {

namespace {

// For a map that one thread has for itself.
struct no_mutex {
  void lock() {}
  void unlock() {}
  void lock_shared() {}
  void unlock_shared() {}
};

// No directories, no quota, no handles: opening is finding.
template <class Mutex>
class of_map {
 public:
  void make_directory(const std::string&) {}
  void write(const std::string& path, data piece, std::size_t pieces) {
    const std::unique_lock lock(mutex_);
    auto& content = files_[path];
    content.clear();
    for (; pieces != 0; --pieces) content.insert(content.end(), piece.begin(), piece.end());
  }
  void read(const std::string& path, space piece, std::size_t pieces) {
    const std::shared_lock lock(mutex_);
    const std::byte* from = files_.at(path).data();
    for (; pieces != 0; --pieces, from += piece.size()) {
      std::copy_n(from, piece.size(), piece.begin());
      benchmark::ClobberMemory();
    }
  }
  void open(const std::string& path) {
    const std::shared_lock lock(mutex_);
    benchmark::DoNotOptimize(files_.at(path).data());
  }
  void remove(const std::string& path) {
    const std::unique_lock lock(mutex_);
    files_.erase(path);
  }

 private:
  std::unordered_map<std::string, std::vector<std::byte>> files_;
  Mutex mutex_;
};

}  // namespace

std::vector<contender> maps() {
  contender alone = blocking_contender<of_map<no_mutex>>("map");
  alone.takes_threads = false;
  return {alone, blocking_contender<of_map<std::shared_mutex>>("locked_map")};
}

}  // namespace coramfs::bench
