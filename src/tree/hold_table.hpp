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
class hold_mark {
 public:
  /// In a ticket: the use is a handle, and stands for a hold of the volume. The use is the file's
  /// shared lock, too, which its lock word knows nothing of.
  static constexpr std::uint64_t is_handle = 1, is_lock = 2, next_ticket = 4;

  /// False: it is a count now. If true, neither file nor volume may be there any more.
  bool take_away(std::uint64_t ticket) noexcept {
    return ticket_.compare_exchange_strong(ticket, 0, std::memory_order_acq_rel,
                                           std::memory_order_acquire);
  }
  /// The use that was an operation's becomes a handle's. False: it is a count now.
  bool make_handle(std::uint64_t ticket) noexcept {
    return ticket_.compare_exchange_strong(ticket, ticket | is_handle, std::memory_order_acq_rel,
                                           std::memory_order_acquire);
  }

 private:
  friend class hold_table;
  std::atomic<std::uint64_t> ticket_{0};  // 0: the place is free
  std::atomic<file_node*> file_{nullptr};
};

/// Who uses files, in marks instead of counts: each thread has some places of its own for those
/// that it opens, so that threads which open files, one and the same perhaps, write to nothing that
/// they share. A mark stands for all that else would be counted: the file is busy, so are the
/// directories above it, a handle holds the volume, and a file that many read at once is locked for
/// reading (`tree::heat`). When a thread's places are all taken, one of them is made counts.
///
/// Marks are made under the tree's lock, shared or exclusive, and taken away under none.
///
/// Invariants: the file of a mark is in the tree. A lane's places are filled by its own thread
/// alone. Who makes counts of the marks of others holds the tree exclusively: then none are made
/// meanwhile, and no file is moved.
class hold_table {
 public:
  explicit hold_table(lifetime& whole) noexcept : whole_(whole) {}
  hold_table(const hold_table&) = delete;
  hold_table& operator=(const hold_table&) = delete;

  struct made {
    hold_mark* mark;
    std::uint64_t ticket;
  };
  /// `lane` is the calling thread's own, `kind` is of `is_handle` and `is_lock`. Under the tree's
  /// lock.
  made mark(file_node& f, unsigned lane, std::uint64_t kind) noexcept;

  /// Under the tree's lock; under the shared one others may come and go meanwhile.
  bool holds(const file_node& f) const noexcept;
  /// Under the tree's exclusive lock.
  bool holds_below(const directory_node& d) const noexcept;
  /// Makes counts of the marks of a file. Under the tree's exclusive lock.
  void count(file_node& f) noexcept;
  /// Of all. When nobody is left who could make one.
  void count_all() noexcept;

  /// Marks of handles.
  std::uint64_t handles() const noexcept;

 private:
  static constexpr std::size_t cache_line = 64, places = 7;

  struct alignas(cache_line) lane {
    std::array<hold_mark, places> marks;
    // Of the lane's thread alone.
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
