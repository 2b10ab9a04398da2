// SPDX-License-Identifier: BSL-1.0
#include "storage/pages.hpp"

#include <cstdint>
#include <cstdlib>

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

bool can_unmap_parts() noexcept { return true; }

std::byte* map_region(std::size_t bytes) noexcept {
  // What is in front of the first aligned address, and behind the last, goes back.
  std::byte* const all = map_pages(2 * bytes);
  if (all == nullptr) return nullptr;
  const std::size_t in_front = -reinterpret_cast<std::uintptr_t>(all) % bytes;
  if (in_front != 0) unmap_pages(all, in_front);
  unmap_pages(all + in_front + bytes, bytes - in_front);
  // Without huge pages it is slower, and no more than that.
  ::madvise(all + in_front, bytes, MADV_HUGEPAGE);
  return all + in_front;
}

void release_pages(std::byte* region, std::size_t region_bytes, std::byte* data,
                   std::size_t bytes) noexcept {
  ::madvise(region, region_bytes, MADV_NOHUGEPAGE);
  ::madvise(data, bytes, MADV_DONTNEED);
}

#else

std::byte* map_pages(std::size_t bytes) noexcept {
  return static_cast<std::byte*>(std::malloc(bytes));
}

void unmap_pages(std::byte* data, std::size_t) noexcept { std::free(data); }

bool can_unmap_parts() noexcept { return false; }

std::byte* map_region(std::size_t) noexcept { return nullptr; }

void release_pages(std::byte*, std::size_t, std::byte*, std::size_t) noexcept {}

#endif

}  // namespace coramfs::detail
