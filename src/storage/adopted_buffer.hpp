// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "storage/block_memory.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace coramfs::detail {

/// A vector that somebody has moved in. It is cut into slices that are blocks of their own: each is
/// pinned, copied and dropped alone, and gives its pages back to the system when it goes, long
/// before the last one frees the vector.
///
/// Thread safety: slices may go on any thread.
class adopted_buffer final : public block_memory::outside {
 public:
  /// Bytes of a slice at most.
  static constexpr std::size_t slice_size = 1024 * 1024;

  /// Whether it pays to take a vector over: most of it is used, and to copy it costs more than to
  /// have the system take back the pages of one that is dropped.
  static bool pays(const bytes& content) noexcept {
    return content.size() >= smallest && content.size() >= content.capacity() / 2;
  }

  /// Where the slice ends that begins at an offset: at the end of a page, if not of the vector.
  static std::size_t end_of_slice(const bytes& content, std::size_t begin) noexcept;
  static std::size_t count_slices(const bytes& content) noexcept;
  /// Bytes that a vector takes with all that is needed to take it over, but for the chunks' table.
  static std::uint64_t footprint(const bytes& content) noexcept;
  /// What of it the slice from `begin` on is charged, beside its block.
  static std::uint64_t taken_by_slice(const bytes& content, std::size_t begin) noexcept;

  /// Empty; null if memory is refused. It goes with the last of so many slices.
  static adopted_buffer* make(block_memory& from, std::size_t slices) noexcept;
  /// Precondition: `block_memory::add_foreign(foreign_bytes(content))`.
  void adopt(bytes&& content) noexcept;
  /// What of its footprint is not the volume's own memory, with the buffer itself.
  static std::uint64_t foreign_bytes(const bytes& content) noexcept;
  bytes& content() noexcept { return content_; }

  void end() noexcept override { this->~adopted_buffer(); }

  /// A slice goes, of which `taken` bytes were charged.
  void drop_slice(std::byte* data, std::uint64_t taken) noexcept;

 private:
  static constexpr std::size_t smallest = 64 * 1024;  // bytes

  explicit adopted_buffer(std::size_t slices) noexcept : slices_(slices) {}

  std::atomic<std::size_t> slices_;
  bytes content_;
};

}  // namespace coramfs::detail
