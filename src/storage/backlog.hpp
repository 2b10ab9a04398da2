// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "core/thread_lane.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace coramfs::detail {

class block_memory;

/// What an operation has given up and is yet to be freed.
///
/// To give up a block is a few instructions; to have the system take its pages back takes some
/// microseconds for each of them, and a second for a large volume's. So an operation that shares
/// its thread with others collects what it gives up, and frees it in turns: `free_some`, until
/// nothing is left. A call that can not give turns, such as a close, frees one turn's worth and
/// leaves the rest in the volume. Each request for memory frees as many bytes of that rest before
/// it takes any. A few pages are freed at once, since to collect them takes as long.
///
/// Whoever has a backlog keeps the volume alive until it is done with it. What other volumes have
/// lent, and nobody has any more, is collected in theirs, which the backlog itself keeps alive. It
/// knows a few of them; what further ones have lent is freed at once.
///
/// What is collected counts as kept for reuse (`block_memory::kept_bytes`), though it may be more
/// than `max_recycled`, and gives way in the same cases.
///
/// Thread safety: one operation's own. `free_some` takes the mutexes of the block memory and of the
/// slabs, so it is called with no lock below the tree's held. It and the destructor may end a
/// volume that has lent something.
class backlog {
 public:
  class collecting;

  backlog() noexcept = default;
  /// The other one must not have collected anything yet.
  backlog(backlog&& unused) noexcept;
  backlog& operator=(backlog&&) = delete;
  ~backlog() {
    while (lender_count_ != 0) forget_lender();
  }

  /// Frees some of what anybody has collected in the same volumes. Returns whether there is more.
  bool free_some() noexcept;
  /// The same for the other volumes alone, which have lent something.
  bool free_some_lent() noexcept;

 private:
  static constexpr std::uint64_t few = 64 * 1024;  // bytes
  static constexpr std::size_t most_lenders = 8;

  bool holds(block_memory& lender) noexcept;
  void forget_lender() noexcept;

  block_memory* in_ = nullptr;  // null: nothing was collected
  std::uint64_t freed_at_once_ = 0;
  std::size_t lender_count_ = 0;
  std::array<block_memory*, most_lenders> lenders_;  // each has a hold of the backlog's
};

/// While it lives, its thread collects the large blocks that it gives up. Where these scopes nest,
/// the innermost one collects.
class backlog::collecting {
 public:
  explicit collecting(backlog& to) noexcept : to_(to) {}
  collecting(const collecting&) = delete;
  collecting& operator=(const collecting&) = delete;
  ~collecting() { innermost = outer_; }

  /// Returns whether a block of so many bytes is to be collected. If it is, the backlog of the
  /// calling thread knows from now on that `in` has something to free.
  static bool note(block_memory& in, std::uint64_t bytes) noexcept;
  /// The same for a block of a volume that has lent it to the thread's, and is still held for that.
  static bool note_lent(block_memory& in, std::uint64_t bytes) noexcept;

 private:
  static bool is_for_later(backlog& to, std::uint64_t bytes) noexcept;

  CORAMFS_NEAR_THREAD_LOCAL static constinit thread_local collecting* innermost;

  backlog& to_;
  collecting* const outer_ = std::exchange(innermost, this);
};

}  // namespace coramfs::detail
