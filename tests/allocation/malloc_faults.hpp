// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/testing/faults.hpp>

#include <cstddef>
#include <cstdint>

namespace coramfs::tests {

/// While it lives, each allocation of this thread asks a policy before, at `fault_point::allocate`
/// with its bytes, and fails if that says so. Reaches all that ends in glibc's malloc, `operator
/// new` among it, and what volumes take of their own memory. The policy allocates nothing when it
/// is asked.
class malloc_faults {
 public:
  explicit malloc_faults(testing::fault_policy& policy) noexcept;
  malloc_faults(const malloc_faults&) = delete;
  malloc_faults& operator=(const malloc_faults&) = delete;
  ~malloc_faults();

  /// Whether an allocation has failed.
  bool has_failed() const noexcept;
};

/// The `nth` allocation fails, counted from 1; and if it is `for_ever`, each one after it too.
inline testing::fault_policy& nth_allocation(std::size_t nth, bool for_ever = false) {
  const auto n = static_cast<unsigned>(nth);
  constexpr auto allocate = testing::fault_point::allocate;
  return for_ever ? testing::fail_from(allocate, n) : testing::fail_nth(allocate, n);
}

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
