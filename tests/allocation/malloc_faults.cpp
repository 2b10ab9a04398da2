// SPDX-License-Identifier: BSL-1.0
#include "allocation/malloc_faults.hpp"

#include "storage/fault_point.hpp"

#include <atomic>
#include <cerrno>

namespace coramfs::tests {

namespace {

thread_local testing::fault_policy* asked = nullptr;
thread_local bool failed = false;

thread_local std::size_t made = 0;
thread_local std::size_t last_made = 0;  // bytes

std::atomic<std::int64_t> live = 0;

bool refuses(std::size_t size) noexcept {
  if (asked == nullptr || !asked->at(testing::fault_point::allocate, {}, size)) return false;
  failed = true;
  return true;
}

void* counted(void* fresh, std::size_t size) noexcept {
  ++made;
  last_made = size;
  if (fresh != nullptr) ++live;
  return fresh;
}

}  // namespace

malloc_faults::malloc_faults(testing::fault_policy& policy) noexcept {
  failed = false;
  asked = &policy;
}

malloc_faults::~malloc_faults() { asked = nullptr; }

bool malloc_faults::has_failed() const noexcept { return failed; }

allocation_count::allocation_count() noexcept : before_(made) {}

std::size_t allocation_count::number() const noexcept { return made - before_; }

std::size_t allocation_count::last() noexcept { return last_made; }

std::int64_t live_allocations() noexcept { return live; }

}  // namespace coramfs::tests

namespace coramfs::detail {

// Pieces of a volume's own memory are refused as allocations are.
bool memory_is_refused() noexcept { return tests::refuses(0); }

}  // namespace coramfs::detail

// Ours stand in front of glibc's, for the libraries that are loaded too.
extern "C" {

void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* old);

void* malloc(std::size_t size) {
  if (coramfs::tests::refuses(size)) return nullptr;
  return coramfs::tests::counted(__libc_malloc(size), size);
}

void* calloc(std::size_t count, std::size_t size) {
  if (coramfs::tests::refuses(count * size)) return nullptr;
  return coramfs::tests::counted(__libc_calloc(count, size), count * size);
}

// What grows or shrinks was counted already; to no size is to free.
void* realloc(void* old, std::size_t size) {
  if (old == nullptr) return malloc(size);
  if (coramfs::tests::refuses(size)) return nullptr;
  if (size == 0) --coramfs::tests::live;
  return __libc_realloc(old, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) {
  if (coramfs::tests::refuses(size)) return nullptr;
  return coramfs::tests::counted(__libc_memalign(alignment, size), size);
}

void* memalign(std::size_t alignment, std::size_t size) { return aligned_alloc(alignment, size); }

int posix_memalign(void** to, std::size_t alignment, std::size_t size) {
  *to = aligned_alloc(alignment, size);
  return *to != nullptr ? 0 : ENOMEM;
}

void free(void* old) {
  if (old != nullptr) --coramfs::tests::live;
  __libc_free(old);
}
}
