// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/testing/schedule.hpp>

#include "integrations/testing/dice.hpp"
#include "integrations/testing/ready_set.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace coramfs::detail {

/// Chooses by a schedule which of the tasks that are ready is next, and whether time jumps before.
///
/// For each step it is told what has become ready, asked whether time jumps, and, when all that is
/// ready has been told, asked for a place.
class chooser {
 public:
  explicit chooser(testing::schedule how);

  /// As `fifo`, but from a step on, which counts from 0, one coroutine goes before all others, or
  /// behind them.
  static testing::schedule one_apart(std::uint64_t coroutine, std::size_t step, bool is_first,
                                     std::uint64_t seed);

  const testing::schedule& how() const noexcept { return how_; }

  /// Makes room for one more that becomes ready. Throws `std::bad_alloc`.
  void reserve_one();
  /// Notes one that becomes ready. Precondition: there is room.
  void add(std::uint64_t number, std::uint64_t coroutine) noexcept;
  /// Whether time jumps before a step, although something is ready. `step` counts from 0.
  bool jumps(std::size_t step) noexcept;
  /// The place of the one that is next. `step` counts from 0. Precondition: something is ready.
  std::size_t choose(const ready_set& ready, std::size_t step) noexcept;

 private:
  using kind = testing::schedule::kind;

  /// A task by its priority. Of those of one coroutine the first is first.
  struct candidate {
    std::uint64_t priority, number, coroutine;
    friend bool operator<(const candidate& a, const candidate& b) noexcept {
      return a.priority != b.priority ? a.priority < b.priority : a.number > b.number;
    }
  };
  /// A coroutine, or a task that is of none, which has gone behind all others.
  struct demoted {
    std::uint64_t number, coroutine, priority;
  };

  void set_changes();
  std::size_t choose_by_priority(const ready_set& ready) noexcept;
  std::size_t choose_apart(const ready_set& ready) const noexcept;
  void demote_first() noexcept;
  std::uint64_t priority_of(std::uint64_t number, std::uint64_t coroutine) const noexcept;
  void settle_first() noexcept;
  bool is_over() const noexcept;

  const testing::schedule how_;
  dice dice_;

  // Of pct: the ready ones as a heap, the steps at which the first one is demoted, counted among
  // those with a choice, in their order, and how many there have been.
  std::vector<candidate> candidates_;
  std::vector<std::uint64_t> changes_;
  std::vector<demoted> demoted_;
  std::uint64_t choices_ = 0;
};

}  // namespace coramfs::detail
