// SPDX-License-Identifier: BSL-1.0
#include "unit/integrations/archive/refused_memory.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace coramfs::tests {

namespace {

// How many allocations are yet to come before one is refused. 0: none is.
std::atomic<std::size_t> left = 0;
std::atomic<bool> is_for_ever = false, is_of_others = false, was_refused = false;
thread_local bool is_own = false;

bool refuses() noexcept {
  if (left == 0 || is_own == is_of_others) return false;
  if (--left > 0) return false;
  was_refused = true;
  if (is_for_ever) left = 1;
  return true;
}

void* allocated(std::size_t size) noexcept {
  return refuses() ? nullptr : std::malloc(size == 0 ? 1 : size);
}

}  // namespace

refused_memory::refused_memory(std::size_t nth, bool for_ever, refused_threads whose) noexcept {
  is_own = true;
  is_of_others = whose == refused_threads::others;
  is_for_ever = for_ever;
  was_refused = false;
  left = nth;
}

refused_memory::~refused_memory() {
  left = 0;
  is_own = false;
}

bool refused_memory::has_failed() const noexcept { return was_refused; }

}  // namespace coramfs::tests

void* operator new(std::size_t size) {
  if (void* const p = coramfs::tests::allocated(size)) return p;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return coramfs::tests::allocated(size);
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

// In front of the system's. What comes from `posix_memalign` is freed in the same way.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) {
  void* p = nullptr;
  if (coramfs::tests::refuses()) return nullptr;
  return ::posix_memalign(&p, alignment, size) == 0 ? p : nullptr;
}
