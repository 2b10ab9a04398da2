// SPDX-License-Identifier: BSL-1.0
#include "peers/peer.hpp"
#include "support/scratch_directory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <mutex>
#include <shared_mutex>
#include <system_error>
#include <unordered_map>

namespace coramfs::bench {

namespace {

// A descriptor that closes itself.
class descriptor {
 public:
  explicit descriptor(int number) : number_(number) {
    if (number < 0) throw std::system_error(errno, std::generic_category(), "open");
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() { ::close(number_); }
  int number() const { return number_; }

 private:
  int number_;
};

class of_tmpfs {
 public:
  void make_directory(const std::string& path) { directory_.make_directory(path); }
  void write(const std::string& path, data piece, std::size_t pieces) {
    const descriptor f(directory_.open(path, O_CREAT | O_TRUNC | O_WRONLY));
    for (; pieces != 0; --pieces) write_all(f.number(), piece);
  }
  void read(const std::string& path, space piece, std::size_t pieces) {
    const descriptor f(directory_.open(path, O_RDONLY));
    for (; pieces != 0; --pieces) read_all(f.number(), piece);
  }
  void open(const std::string& path) { const descriptor f(directory_.open(path, O_RDONLY)); }
  void remove(const std::string& path) { directory_.remove(path); }

 private:
  scratch_directory directory_;
};

// The system's files without names, which a map and a lock give them; opening is finding.
class of_memfd {
 public:
  void make_directory(const std::string&) {}
  void write(const std::string& path, data piece, std::size_t pieces) {
    const std::unique_lock lock(mutex_);
    files_.erase(path);
    const auto f = files_.try_emplace(path, ::memfd_create("file", MFD_CLOEXEC)).first;
    for (; pieces != 0; --pieces) write_all(f->second.number(), piece);
  }
  void read(const std::string& path, space piece, std::size_t pieces) {
    const std::shared_lock lock(mutex_);
    const int f = files_.at(path).number();
    for (std::size_t i = 0; i < pieces; ++i) read_all_at(f, i * piece.size(), piece);
  }
  void open(const std::string& path) {
    const std::shared_lock lock(mutex_);
    check(files_.contains(path), "no such file");
  }
  void remove(const std::string& path) {
    const std::unique_lock lock(mutex_);
    files_.erase(path);
  }

 private:
  std::unordered_map<std::string, descriptor> files_;
  std::shared_mutex mutex_;
};

// As many files as may be open at once, once as many as can be are asked for.
std::size_t descriptors_at_most() {
  constexpr std::size_t for_others = 100;
  std::size_t most = 0;
  std::ifstream("/proc/sys/fs/nr_open") >> most;
  rlimit limit{most, most};
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0 && ::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur > for_others ? static_cast<std::size_t>(limit.rlim_cur) - for_others : 0;
}

}  // namespace

std::vector<contender> of_the_system() {
  contender tmpfs = blocking_contender<of_tmpfs>("tmpfs");
  contender memfd = blocking_contender<of_memfd>("memfd");
  tmpfs.is_kept_by_system = memfd.is_kept_by_system = true;
  memfd.files_at_most = descriptors_at_most();
  return {tmpfs, memfd};
}

}  // namespace coramfs::bench
