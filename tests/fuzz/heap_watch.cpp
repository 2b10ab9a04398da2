// SPDX-License-Identifier: BSL-1.0
#include "fuzz/heap_watch.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <limits>

#if defined(__SANITIZE_ADDRESS__)
#define CORAMFS_SEES_THE_HEAP
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CORAMFS_SEES_THE_HEAP
#endif
#endif

#ifdef CORAMFS_SEES_THE_HEAP
#include <sanitizer/allocator_interface.h>
#endif

namespace coramfs::tests {

namespace {

std::atomic<std::size_t> allocations{0}, bytes{0};
std::atomic<std::size_t> most_bytes{std::numeric_limits<std::size_t>::max()};

#ifdef CORAMFS_SEES_THE_HEAP

void on_malloc(const volatile void*, std::size_t size) {
  ++allocations;
  const std::size_t now = bytes += size;
  if (now <= most_bytes) return;
  most_bytes = std::numeric_limits<std::size_t>::max();
  std::fprintf(stderr, "it does not hold: no more memory than there may be\n");
  std::abort();
}

void on_free(const volatile void* p) {
  // What was there before the hooks were may go, too.
  if (p == nullptr || allocations == 0) return;
  --allocations;
  bytes -= __sanitizer_get_allocated_size(p);
}

const bool is_hooked = __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) != 0;

#else

const bool is_hooked = false;

#endif

}  // namespace

heap_watch::heap_watch(std::size_t most) noexcept {
  if (is_hooked) most_bytes = bytes + most;
}

heap_watch::~heap_watch() { most_bytes = std::numeric_limits<std::size_t>::max(); }

std::size_t heap_watch::live() noexcept { return allocations; }

}  // namespace coramfs::tests
