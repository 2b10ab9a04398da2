// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace coramfs::bench {

/// A directory on a tmpfs, /dev/shm, which is removed with all in it at the end.
///
/// All below throws `std::system_error`, and takes paths that begin with a slash.
class scratch_directory {
 public:
  scratch_directory();
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  ~scratch_directory();

  void make_directory(const std::string& path) const;
  /// The descriptor of an open file, by POSIX's own flags.
  int open(const std::string& path, int flags) const;
  void remove(const std::string& path) const;
  void rename(const std::string& from, const std::string& to) const;
  std::size_t size_of(const std::string& path) const;
  /// Removes what is in the directory.
  void clear() const;

 private:
  std::string path_;
  int descriptor_;
};

/// Calls that do all or throw; `read_all` stops at the end of the file.
void write_all(int descriptor, std::span<const std::byte> from);
std::size_t read_all(int descriptor, std::span<std::byte> to);
void read_all_at(int descriptor, std::size_t offset, std::span<std::byte> to);
void write_all_at(int descriptor, std::size_t offset, std::span<const std::byte> from);
void close(int descriptor);

}  // namespace coramfs::bench
