// SPDX-License-Identifier: BSL-1.0
#include "support/counting_malloc.hpp"

namespace coramfs::bench {

namespace {

thread_local std::size_t count = 0;

}  // namespace

std::size_t allocations_so_far() noexcept { return count; }

}  // namespace coramfs::bench

// Ours stand in front of glibc's, for the libraries that are loaded too.
extern "C" {

void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) {
  ++coramfs::bench::count;
  return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) {
  ++coramfs::bench::count;
  return __libc_calloc(count, size);
}

void* realloc(void* old, std::size_t size) {
  ++coramfs::bench::count;
  return __libc_realloc(old, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
  ++coramfs::bench::count;
  return __libc_memalign(alignment, size);
}
}
