// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/testing/simulation.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// The tasks that are ready, in the order in which they became so. To add one, and to find and take
/// the one at any place, takes time with the logarithm of their number.
///
/// They are in slots. One that is taken leaves its slot empty, and a tree of sums (Fenwick's)
/// counts what is in the slots: `sums_[i - 1]` counts those in the slots up to i, as many as the
/// lowest bit of i says. When most slots are empty they are closed up.
class ready_set {
 public:
  struct slot {
    std::uint64_t number;     // from 1, in the order in which all of a simulation have been ready
    std::uint64_t coroutine;  // which one it belongs to, or 0
    std::unique_ptr<simulated_task> task;  // null if it is empty
  };

  bool is_empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }

  /// Makes room for one more. Throws `std::bad_alloc`.
  void reserve_one() {
    if (slots_.size() > 2 * size_ + 16) close_up();
    if (slots_.size() < slots_.capacity() && slots_.size() < sums_.capacity()) return;
    const std::size_t room = 2 * slots_.size() + 64;
    slots_.reserve(room);
    sums_.reserve(room);
  }
  /// `number` is greater than that of all before. Precondition: there is room.
  void push(std::uint64_t number, std::uint64_t coroutine,
            std::unique_ptr<simulated_task> t) noexcept {
    slots_.push_back({number, coroutine, std::move(t)});
    append_sum();
    ++size_;
  }

  /// Returns what is at a place. Precondition: it is below `size`.
  const slot& at(std::size_t place) const noexcept { return slots_[slot_at(place)]; }
  /// Returns the place of the task with that number. Precondition: there is one.
  std::size_t place_of(std::uint64_t number) const noexcept;
  /// Takes the task at a place out. Precondition: it is below `size`.
  slot take(std::size_t place) noexcept;

 private:
  std::size_t slot_at(std::size_t place) const noexcept;
  void append_sum() noexcept;
  void close_up() noexcept;

  std::vector<slot> slots_;
  std::vector<std::uint32_t> sums_;
  std::size_t size_ = 0;
};

}  // namespace coramfs::detail
