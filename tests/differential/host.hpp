// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/open_options.hpp>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace coramfs::tests {

/// What a call told, on either side: a value as text, or a failure.
struct answer {
  std::string value;
  std::error_code failure;
};

/// A directory of the host's, empty at first, that goes with all below it.
class host_directory {
 public:
  /// In the first of these that can be written to: /dev/shm, $TMPDIR, /tmp. None: none can.
  static std::optional<host_directory> make();
  host_directory(host_directory&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  ~host_directory();

  const std::string& path() const { return path_; }
  bool is_tmpfs() const;
  void clear();

  // Paths are absolute, as if the directory were the root. Each is what POSIX makes of the
  // operation of that name.
  answer create_directory(const std::string& p) const;
  answer create_directories(const std::string& p) const;
  answer remove(const std::string& p) const;
  answer remove_directory(const std::string& p) const;
  answer remove_tree(const std::string& p) const;
  answer rename(const std::string& from, const std::string& to, bool replaces) const;
  answer copy(const std::string& from, const std::string& to, bool replaces) const;
  answer copy_tree(const std::string& from, const std::string& to) const;
  answer list(const std::string& p) const;
  answer file_size(const std::string& p) const;
  answer look(const std::string& p) const;
  answer read_file(const std::string& p) const;
  answer write_file(const std::string& p, std::string_view content) const;
  /// The paths that the shell's pattern matches, sorted.
  answer glob(const std::string& pattern) const;

  /// Every path below the root, sorted, with the content of files, but of those that are hidden.
  std::string picture(const std::set<std::string>& hidden) const;
  bool is_directory(const std::string& p) const;

  int open(const std::string& p, open_mode mode) const;  // -1 with errno

 private:
  explicit host_directory(std::string path) : path_(std::move(path)) {}
  std::string at(const std::string& p) const { return path_ + p; }
  std::vector<std::string> all_paths() const;

  std::string path_;
};

/// An open file of the host's.
class host_file {
 public:
  explicit host_file(int descriptor = -1) : descriptor_(descriptor) {}
  host_file(host_file&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  host_file& operator=(host_file&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~host_file() { close(); }

  bool is_open() const { return descriptor_ >= 0; }
  void close();
  answer read(std::size_t n);
  answer read_at(std::uint64_t offset, std::size_t n);
  answer write(std::string_view from);
  answer write_at(std::uint64_t offset, std::string_view from);
  answer truncate(std::uint64_t size);
  answer punch_hole(std::uint64_t offset, std::uint64_t size);
  answer seek(std::int64_t offset, int whence);
  std::uint64_t tell() const;
  std::uint64_t size() const;

 private:
  int descriptor_;
};

}  // namespace coramfs::tests
