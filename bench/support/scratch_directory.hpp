// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

namespace coramfs::bench {

/// A directory which is removed with all in it at the end, in another one: by default that is
/// /dev/shm, on a tmpfs.
///
/// All below throws `std::system_error`, and takes paths that begin with a slash.
class scratch_directory {
 public:
  explicit scratch_directory(const std::filesystem::path& in = "/dev/shm");
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  ~scratch_directory();

  std::filesystem::path path() const { return path_; }
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

/// What `main` returns of a program that measures with a scratch directory: in the directory that
/// its first argument names, or where temporary files are. What `measure` throws is printed.
int run_in_scratch(int argc, char** argv,
                   const std::function<void(const std::filesystem::path&)>& measure);

}  // namespace coramfs::bench
