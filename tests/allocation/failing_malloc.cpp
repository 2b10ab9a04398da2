// SPDX-License-Identifier: BSL-1.0
#include "allocation/failing_malloc.hpp"

namespace coramfs::tests {

namespace {

thread_local std::size_t left = 0;  // allocations up to the one that fails; 0: none fails
thread_local bool fails_for_ever = false;
thread_local bool failed = false;

bool refuses() noexcept {
  if (left == 0) return failed && fails_for_ever;
  if (--left != 0) return false;
  failed = true;
  return true;
}

}  // namespace

failing_malloc::failing_malloc(std::size_t nth, bool for_ever) noexcept {
  failed = false;
  fails_for_ever = for_ever;
  left = nth;
}

failing_malloc::~failing_malloc() {
  left = 0;
  failed = false;
}

bool failing_malloc::has_failed() const noexcept { return failed; }

}  // namespace coramfs::tests

// Ours stand in front of glibc's, for the libraries that are loaded too.
extern "C" {

void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);

void* malloc(std::size_t size) { return coramfs::tests::refuses() ? nullptr : __libc_malloc(size); }

void* calloc(std::size_t count, std::size_t size) {
  return coramfs::tests::refuses() ? nullptr : __libc_calloc(count, size);
}

void* realloc(void* old, std::size_t size) {
  return coramfs::tests::refuses() ? nullptr : __libc_realloc(old, size);
}
}
