// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "digest.hpp"

#include <coramfs/result.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <istream>
#include <vector>

namespace guarded_stream {

/// The name of standard input.
inline constexpr char standard_input[] = "-";

/// What one input stands for: itself, or for a directory every regular file below it in the order
/// of the paths' bytes, without links. Throws `std::filesystem::filesystem_error`.
std::vector<std::filesystem::path> find_files(const std::filesystem::path& input);

/// Whether it can be read a second time, and gives the same then.
bool is_repeatable(const std::filesystem::path& input);

/// Files read one after the other, as if they were one. Blocks for what it reads.
class input_stream {
 public:
  /// The files must live as long as this.
  explicit input_stream(const std::vector<std::filesystem::path>& files) : files_(files) {}
  input_stream(const input_stream&) = delete;
  input_stream& operator=(const input_stream&) = delete;

  /// Fills the buffer; less only at the end, where it gives 0. A file that can not be opened is an
  /// error if there is no other, and is skipped if there are.
  coramfs::result<std::size_t> read(std::vector<char>& to);

  /// Of all that was read.
  const digest& seen() const { return seen_; }
  std::uint64_t skipped_files() const { return skipped_files_; }

 private:
  coramfs::result<void> open_next();

  const std::vector<std::filesystem::path>& files_;
  std::size_t next_ = 0;
  std::ifstream file_;
  std::istream* current_ = nullptr;  // null: between two files
  digest seen_;
  std::uint64_t skipped_files_ = 0;
};

/// Of all files, read directly. Errors: those of `input_stream::read`.
coramfs::result<digest> digest_of(const std::vector<std::filesystem::path>& files);

}  // namespace guarded_stream
