// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/archive_reader.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace coramfs::detail {

/// Bytes of an entry, none perhaps, and where in it they belong: what lies between two blocks is a
/// hole.
struct data_block {
  std::uint64_t offset;
  std::span<const std::byte> bytes;
  std::uint64_t taken = 0;  ///< how many bytes of the archive it has taken to bring them
  unsigned work_of_byte = 1;

  /// What it counts as work.
  std::uint64_t work() const noexcept {
    return work_of_byte * (bytes.size() > taken ? bytes.size() : taken);
  }
};

/// An entry as a stream gives it: what is behind a NUL in its name is there.
struct stream_entry {
  archive_entry entry;
  bool is_encrypted = false;
  bool is_sparse = false;  ///< the last thing of it may be a hole
};

/// The entries of an archive with their bytes, one after the other: whatever decodes them. Each
/// call is one slice.
///
/// Thread safety: one thread at a time, but not always the same.
class entry_stream {
 public:
  virtual ~entry_stream() = default;

  /// Goes on to the next entry. None: the archive has ended. Throws `std::bad_alloc`.
  virtual result<std::optional<stream_entry>> next() = 0;
  /// The bytes that come next of the entry, a block without any where there is none of them yet,
  /// and no block at its end. They are valid until the next call. Throws `std::bad_alloc`.
  virtual result<std::optional<data_block>> read() = 0;
  /// Whether `next` decodes what was left of the entry before. Then it is better read.
  virtual bool decodes_to_skip() const noexcept = 0;
  /// Looks, once there are no more entries, at what shows that nothing is missing or damaged.
  /// Returns whether that is done.
  virtual result<bool> finish() { return true; }
};

}  // namespace coramfs::detail
