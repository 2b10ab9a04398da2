// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace coramfs::detail {

/// Bytes that the allocator takes from the machine for a request of `size` bytes; 0 for none.
///
/// The arithmetic of glibc's malloc (malloc/malloc.c, "Chunk representation"): a word of header,
/// multiples of 16, at least 32; from 128 KiB on pages of their own with two words of header.
/// Other allocators are close enough for a limit.
constexpr std::uint64_t heap_footprint(std::uint64_t size) noexcept {
  constexpr std::uint64_t page = 4096, own_pages_from = 128 * 1024;
  if (size == 0) return 0;
  if (size >= own_pages_from) return (size + 16 + page - 1) / page * page;
  return size <= 24 ? 32 : (size + 8 + 15) / 16 * 16;
}

/// The largest request that takes no more than one of `size` bytes does: what is rounded up
/// anyway can be used.
constexpr std::uint64_t heap_usable(std::uint64_t size) noexcept {
  constexpr std::uint64_t own_pages_from = 128 * 1024;
  return heap_footprint(size) - (size >= own_pages_from ? 16 : 8);
}

}  // namespace coramfs::detail
