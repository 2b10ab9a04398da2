// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

namespace coramfs::tests {

/// Ends the process where its heap grows by more than a number of bytes while this is there. That
/// is seen where AddressSanitizer is the allocator, and elsewhere nothing is.
///
/// Thread safety: one thread at a time has one.
class heap_watch {
 public:
  explicit heap_watch(std::size_t most) noexcept;
  heap_watch(const heap_watch&) = delete;
  heap_watch& operator=(const heap_watch&) = delete;
  ~heap_watch();

  /// How many allocations there are; 0 where they are not seen.
  static std::size_t live() noexcept;
};

}  // namespace coramfs::tests
