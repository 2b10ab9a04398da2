// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

namespace coramfs::tests {

/// Whose allocations are refused: those of the thread that says so, or of all others.
enum class refused_threads { own, others };

/// While it lives the nth allocation is refused, counted from 1, and each one after it if it is
/// `for_ever`: of `operator new`, and of `std::aligned_alloc`, which frames of coroutines come
/// from. libarchive's own are left alone: it ends the process where one for a string fails.
///
/// There is one at a time. Of the others no more than one thread allocates.
class refused_memory {
 public:
  refused_memory(std::size_t nth, bool for_ever,
                 refused_threads whose = refused_threads::own) noexcept;
  refused_memory(const refused_memory&) = delete;
  refused_memory& operator=(const refused_memory&) = delete;
  ~refused_memory();

  /// Whether an allocation was refused.
  bool has_failed() const noexcept;
};

}  // namespace coramfs::tests
