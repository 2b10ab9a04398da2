// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace coramfs::detail {

/// A descriptor of the system's.
class descriptor {
 public:
  explicit descriptor(int number = -1) noexcept : number_(number) {}
  descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~descriptor();

  int get() const noexcept { return number_; }
  int release() noexcept { return std::exchange(number_, -1); }

 private:
  int number_;
};

/// A new file on disk.
class host_file {
 public:
  host_file(descriptor opened, std::string name) noexcept
      : file_(std::move(opened)), name_(std::move(name)) {}

  /// These throw `std::system_error`. What is skipped are zeros.
  /// @{
  void write(asio::const_buffer from);
  void skip(std::uint64_t n);
  /// Ends the file, behind what was written and skipped.
  void finish();
  /// @}

 private:
  descriptor file_;
  std::string name_;
  std::uint64_t size_ = 0;
};

/// A folder on disk that a tree is written into. Below the one that the user has named no link is
/// followed: each step is taken from the descriptor of the folder above.
class host_folder {
 public:
  /// Makes the folder `name` below `output`, which is made, too, if it is not there. One that is
  /// there already is emptied, if its file `proof` begins with `mark`. It may be empty, too, or
  /// have nothing but the beginning of such a file. Whoever uses it writes `proof` first.
  ///
  /// Throws `std::runtime_error` for one that is there and is neither, for one that is a link, and
  /// for a system without such descriptors; `std::system_error` for what the system refuses.
  host_folder(const std::filesystem::path& output, const std::string& name,
              const std::string& proof, std::string_view mark);

  /// Where it is.
  const std::filesystem::path& path() const noexcept { return path_; }

  /// Makes a folder at a relative path, with those above it.
  void make_folder(std::string_view path);
  /// Makes a file at a relative path, with the folders above it. There is none yet.
  host_file make_file(std::string_view path);

 private:
  descriptor enter(std::string_view path);

  std::filesystem::path path_;
  descriptor folder_;
};

}  // namespace coramfs::detail
