// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "core/lifetime.hpp"
#include "core/thread_lane.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace coramfs::detail {

class directory_node;
class file_node;

/// One mark in the table: that a file is in use.
///
/// A ticket is given once. So whoever made a mark takes it away by its ticket, in whatever thread,
/// and finds out whether it was made a count meanwhile.
///
/// Thread safety: `take_away` and `make_handle` need no lock.
class hold_mark {
 public:
  /// Bits of a ticket. `is_handle`: the use is a handle's, and stands for a hold of the volume.
  /// `is_lock`: it is the file's shared lock, too, of which the word of that lock knows nothing.
  static constexpr std::uint64_t is_handle = 1, is_lock = 2, next_ticket = 4;

  /// Returns whether the mark was there. If so, the file and the volume may be gone on return; if
  /// not, it was made a count, which is the caller's to take back.
  bool take_away(std::uint64_t ticket) noexcept {
    return ticket_.compare_exchange_strong(ticket, 0, std::memory_order_acq_rel,
                                           std::memory_order_acquire);
  }
  /// Makes the use of an operation one of a handle. Returns whether the mark was there; if not, it
  /// was made a count.
  bool make_handle(std::uint64_t ticket) noexcept {
    return ticket_.compare_exchange_strong(ticket, ticket | is_handle, std::memory_order_acq_rel,
                                           std::memory_order_acquire);
  }

 private:
  friend class hold_table;
  std::atomic<std::uint64_t> ticket_{0};  // 0 if the place is free
  std::atomic<file_node*> file_{nullptr};
};

/// Which files are in use, in marks instead of counts. Each thread has some places of its own for
/// the files that it opens, so that threads which open files, even one and the same, write to no
/// memory that they share. A mark stands for all that would be counted otherwise: the file is busy,
/// so are the directories above it, a handle holds the volume, and a file that many read at once is
/// locked for reading (`tree::heat`). When a thread's places are all taken, one of them is made
/// counts.
///
/// Guarded by the tree's lock: marks are made under it, shared or exclusive. They are taken away
/// under no lock.
///
/// Invariants: the file of a mark is in the tree. Only the thread of a lane fills its places.
/// Whoever makes counts of the marks of others holds the tree exclusively, so that none are made
/// meanwhile and no file is moved.
class hold_table {
 public:
  explicit hold_table(lifetime& whole) noexcept : whole_(whole) {}
  hold_table(const hold_table&) = delete;
  hold_table& operator=(const hold_table&) = delete;

  struct made {
    hold_mark* mark;
    std::uint64_t ticket;
  };
  /// Marks a file. `lane` is the calling thread's own, and `kind` combines `is_handle` and
  /// `is_lock`. Under the tree's lock.
  made mark(file_node& f, unsigned lane, std::uint64_t kind) noexcept;

  /// Whether there is a mark of this file. Under the tree's lock; under the shared one marks may
  /// come and go meanwhile.
  bool holds(const file_node& f) const noexcept;
  /// Whether there is a mark of a file below this directory. Under the tree's exclusive lock.
  bool holds_below(const directory_node& d) const noexcept { return held_below(d) != nullptr; }
  /// A file below this directory that has a mark, or null if there is none. Under the tree's
  /// exclusive lock.
  const file_node* held_below(const directory_node& d) const noexcept;
  /// Makes counts of the marks of a file. Under the tree's exclusive lock.
  void count(file_node& f) noexcept;
  /// Makes counts of all marks, when nobody is left who could make another one. Under the tree's
  /// exclusive lock.
  void count_all() noexcept;

  /// How many marks are those of handles. Exact under the tree's exclusive lock, but for handles
  /// that are closed meanwhile.
  std::uint64_t handles() const noexcept;

 private:
  static constexpr std::size_t cache_line = 64, places = 7;

  struct alignas(cache_line) lane {
    std::array<hold_mark, places> marks;
    // Used by the lane's thread alone.
    std::uint64_t last_ticket = 0;
    std::size_t next_victim = 0;
  };

  template <class Action>
  void for_each(Action action) noexcept;
  template <class Condition>
  bool any_of(Condition is) const noexcept;
  void count_one(hold_mark& m, file_node& f) noexcept;
  void count(file_node& f, std::uint64_t ticket) noexcept;
  void discount(file_node& f, std::uint64_t ticket) noexcept;

  lifetime& whole_;
  std::array<lane, thread_lanes> lanes_;
};

}  // namespace coramfs::detail
