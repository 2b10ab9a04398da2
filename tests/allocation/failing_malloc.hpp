// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace coramfs::tests {

/// What two threads tell each other: `is_felt` when an allocation has been refused.
enum class shortage { begins, is_felt, is_over };

/// While it lives, the `nth` allocation of this thread fails, counted from 1; and with `for_ever`
/// each one after it too. Reaches all that ends in glibc's malloc, `operator new` among it, and
/// what volumes take of their own memory.
class failing_malloc {
 public:
  failing_malloc(std::size_t nth, bool for_ever) noexcept;
  /// Fails each allocation of this thread until another one says that the shortage is over.
  explicit failing_malloc(std::atomic<shortage>& now) noexcept;
  failing_malloc(const failing_malloc&) = delete;
  failing_malloc& operator=(const failing_malloc&) = delete;
  ~failing_malloc();

  /// Whether the allocation came about that was to fail.
  bool has_failed() const noexcept;
};

/// Counts the allocations of this thread, from when it is made.
class allocation_count {
 public:
  allocation_count() noexcept;

  std::size_t number() const noexcept;
  /// Bytes of the last one.
  static std::size_t last() noexcept;

 private:
  std::size_t before_;
};

/// How many allocations of the whole process are not freed yet.
std::int64_t live_allocations() noexcept;

}  // namespace coramfs::tests
