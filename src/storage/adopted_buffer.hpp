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
/// Thread safety: slices may go on any thread at once, and the count of them decides which is the
/// last. All else is done by the operation that takes the vector over, before the slices are a
/// file's.
class adopted_buffer final : public block_memory::outside {
 public:
  /// The most bytes of a slice.
  static constexpr std::size_t slice_size = 1024 * 1024;

  /// Returns whether it pays to take a vector over: most of it is used, and a copy costs more than
  /// to have the system take back the pages of one that is dropped.
  static bool pays(const bytes& content) noexcept {
    return content.size() >= smallest && content.size() >= content.capacity() / 2;
  }

  /// Returns where the slice ends that begins at `begin`: at the end of a page, or of the content.
  static std::size_t end_of_slice(const bytes& content, std::size_t begin) noexcept;
  static std::size_t count_slices(const bytes& content) noexcept;
  /// Bytes that a vector takes with all that is needed to take it over, except for the chain's
  /// table.
  static std::uint64_t footprint(const bytes& content) noexcept;
  /// Bytes that are charged for the slice from `begin` on, beside those of its block.
  static std::uint64_t taken_by_slice(const bytes& content, std::size_t begin) noexcept;

  /// Makes an empty one, which goes with the last of `slices` slices. Null: memory is refused.
  static adopted_buffer* make(block_memory& from, std::size_t slices) noexcept;
  /// Takes the vector over. Precondition: `block_memory::add_foreign` has counted its
  /// `foreign_bytes`.
  void adopt(bytes&& content) noexcept;
  /// Bytes of its footprint that are not in a region of the volume, and those of this object.
  static std::uint64_t foreign_bytes(const bytes& content) noexcept;
  bytes& content() noexcept { return content_; }

  void end() noexcept override { this->~adopted_buffer(); }

  /// Drops a slice for which `taken` bytes were charged. The last one takes this with it.
  void drop_slice(std::byte* data, std::uint64_t taken) noexcept;

 private:
  static constexpr std::size_t smallest = 64 * 1024;  // bytes

  explicit adopted_buffer(std::size_t slices) noexcept : slices_(slices) {}

  std::atomic<std::size_t> slices_;
  bytes content_;
};

}  // namespace coramfs::detail
