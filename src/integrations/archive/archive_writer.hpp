// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/archive.hpp>
#include <coramfs/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace coramfs::detail {

/// A file or a directory on its way into an archive.
struct written_entry {
  std::string name;  ///< relative, without a slash at its end
  bool is_directory;
  std::uint64_t size;
  std::chrono::system_clock::time_point modified_at;
};

/// Makes the bytes of an archive. What it has made is taken out after each call.
///
/// Thread safety: one thread at a time. All of it may throw `std::bad_alloc`.
class archive_writer {
 public:
  virtual ~archive_writer() = default;

  /// A writer for a format. Errors: `invalid_argument`, `unsupported_archive`.
  static result<std::unique_ptr<archive_writer>> make(archive_format format,
                                                      const archive_options& options);

  /// Begins an entry, whose content then comes by `write`, as much of it as was said.
  virtual result<void> begin(const written_entry& e) = 0;
  virtual result<void> write(std::span<const std::byte> content) = 0;
  /// Ends the archive.
  virtual result<void> finish() = 0;

  /// Bytes to be put behind those that were taken before.
  std::vector<std::byte> take() noexcept { return std::exchange(made_, {}); }
  /// Bytes that belong over the beginning of the archive, once it has ended.
  virtual std::span<const std::byte> start() const noexcept { return {}; }
  /// How many bytes are compressed at a time, so that it takes about a millisecond by
  /// default. At the highest levels an encoder collects many of them before it compresses.
  virtual std::size_t slice() const noexcept = 0;

 protected:
  std::vector<std::byte> made_;
};

}  // namespace coramfs::detail
