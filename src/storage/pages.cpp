// SPDX-License-Identifier: BSL-1.0
#include "storage/pages.hpp"

#include <cstdint>
#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace coramfs::detail {

#if defined(__linux__)

std::byte* map_pages(std::size_t bytes) noexcept {
  void* const made =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return made != MAP_FAILED ? static_cast<std::byte*>(made) : nullptr;
}

void unmap_pages(std::byte* data, std::size_t bytes) noexcept { ::munmap(data, bytes); }

std::byte* map_region(std::size_t bytes, bool with_huge_pages) noexcept {
  // What is in front of the first aligned address, and behind the last, goes back.
  std::byte* const all = map_pages(2 * bytes);
  if (all == nullptr) return nullptr;
  const std::size_t in_front = -reinterpret_cast<std::uintptr_t>(all) % bytes;
  if (in_front != 0) unmap_pages(all, in_front);
  unmap_pages(all + in_front + bytes, bytes - in_front);
  // Without huge pages it is slower, and no more than that. Where they are for everybody, they must
  // be declined.
  ::madvise(all + in_front, bytes, with_huge_pages ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  return all + in_front;
}

void unmap_region(std::byte* data, std::size_t bytes) noexcept { unmap_pages(data, bytes); }

bool can_release_pages() noexcept { return true; }

void release_pages(std::byte* region, std::size_t region_bytes, std::byte* data,
                   std::size_t bytes) noexcept {
  ::madvise(region, region_bytes, MADV_NOHUGEPAGE);
  ::madvise(data, bytes, MADV_DONTNEED);
}

std::size_t release_inner_pages(std::byte* data, std::size_t bytes) noexcept {
  constexpr std::uintptr_t page = 4096;
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  const std::uintptr_t first = (begin + page - 1) / page * page,
                       end = (begin + bytes) / page * page;
  if (first >= end) return 0;
  ::madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);
  return end - first;
}

#else

std::byte* map_pages(std::size_t bytes) noexcept {
  return static_cast<std::byte*>(std::malloc(bytes));
}

void unmap_pages(std::byte* data, std::size_t) noexcept { std::free(data); }

std::byte* map_region(std::size_t bytes, bool) noexcept {
  return static_cast<std::byte*>(
      ::operator new(bytes, static_cast<std::align_val_t>(bytes), std::nothrow));
}

void unmap_region(std::byte* data, std::size_t bytes) noexcept {
  ::operator delete(data, static_cast<std::align_val_t>(bytes));
}

bool can_release_pages() noexcept { return false; }

void release_pages(std::byte*, std::size_t, std::byte*, std::size_t) noexcept {}

std::size_t release_inner_pages(std::byte*, std::size_t) noexcept { return 0; }

#endif

}  // namespace coramfs::detail
