// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace coramfs::detail {

// The arithmetic of glibc's malloc, in bytes (malloc/malloc.c: "chunk representation",
// sysmalloc_mmap): a word of header, multiples of 16, at least 32; from 128 KiB on pages of their
// own with one word more. Other allocators are close enough for a limit.
inline constexpr std::uint64_t heap_word = 8, heap_grain = 16, heap_page = 4096;
inline constexpr std::uint64_t heap_own_pages_from = 128 * 1024;

/// Bytes that the allocator takes from the machine for a request of `size` bytes; 0 for none.
constexpr std::uint64_t heap_footprint(std::uint64_t size) noexcept {
  if (size == 0) return 0;
  if (size <= 24) return 32;
  const std::uint64_t chunk = (size + heap_word + heap_grain - 1) / heap_grain * heap_grain;
  if (chunk < heap_own_pages_from) return chunk;
  return (chunk + heap_word + heap_page - 1) / heap_page * heap_page;
}

/// Returns the largest request that takes no more than one of `size` bytes does: what is rounded up
/// anyway can be used.
constexpr std::uint64_t heap_usable(std::uint64_t size) noexcept {
  const std::uint64_t taken = heap_footprint(size);
  return taken < heap_own_pages_from ? taken - heap_word : taken - heap_grain - heap_word;
}

}  // namespace coramfs::detail
