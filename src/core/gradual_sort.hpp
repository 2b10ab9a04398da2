// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "core/pace.hpp"
#include "core/path.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <iterator>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// Sorts strings, or what has a name, in steps of about the same length, so that others can have a
/// turn between them. It is a merge sort from the bottom up, and each of the first runs is sorted
/// in one step.
///
/// Thread safety: one operation's own.
template <class Item, class Less = std::less<>>
class gradual_sort {
 public:
  /// `longest` is the size in bytes of the longest item, where items may be longer than a name:
  /// then a step has fewer of them. Throws `std::bad_alloc`, which nothing else here does.
  explicit gradual_sort(std::vector<Item>&& items, std::size_t longest = 0)
      : step_size_(longest <= max_name_size ? pace::nodes_in_slice()
                                            : pace::items_in_slice(comparisons * longest)),
        from_(std::move(items)) {
    if (from_.size() > step_size_) to_.reserve(from_.size());
  }

  /// Sorts a little more. Returns whether there is more to do; if not, `take` may be called.
  bool step() noexcept {
    if (run_ == 0) return sort_run();
    if (run_ >= from_.size()) return false;
    merge();
    return true;
  }
  std::vector<Item> take() noexcept { return std::move(from_); }

 private:
  using iterator = typename std::vector<Item>::iterator;

  // About how often each item is read in a step of few long ones, which may differ only at their
  // ends.
  static constexpr std::size_t comparisons = 8;

  iterator at(std::size_t i) noexcept {
    return from_.begin() + static_cast<std::ptrdiff_t>(std::min(i, from_.size()));
  }

  bool sort_run() noexcept {
    std::sort(at(done_), at(done_ + step_size_), Less());
    done_ += step_size_;
    if (done_ >= from_.size()) begin_pass(step_size_);
    return run_ == 0 || run_ < from_.size();
  }

  void begin_pass(std::size_t run) noexcept {
    run_ = run;
    done_ = 0;
    begin_pair();
  }
  void begin_pair() noexcept {
    left_ = done_;
    right_ = std::min(done_ + run_, from_.size());
  }

  // Merges some items of a pair of runs onto the other side. `pair` is where the first of them
  // begins.
  void merge() noexcept {
    const std::size_t pair = done_ / (2 * run_) * 2 * run_;
    const std::size_t middle = std::min(pair + run_, from_.size());
    const std::size_t end = std::min(pair + 2 * run_, from_.size());
    for (std::size_t n = 0; n < step_size_ && done_ < end; ++n) {
      const bool takes_left =
          left_ < middle && (right_ >= end || !Less()(from_[right_], from_[left_]));
      put(std::move(from_[takes_left ? left_++ : right_++]));
    }
    if (done_ < end) return;
    if (done_ < from_.size()) return begin_pair();
    from_.swap(to_);
    begin_pass(2 * run_);
  }

  // Memory is touched for the first time item by item: all of it at once would be a long step.
  void put(Item&& item) noexcept {
    if (done_ == to_.size()) {
      to_.push_back(std::move(item));
    } else {
      to_[done_] = std::move(item);
    }
    ++done_;
  }

  const std::size_t step_size_;
  std::vector<Item> from_, to_;
  std::size_t run_ = 0;   // the length of the sorted runs; 0 while the first ones are being made
  std::size_t done_ = 0;  // items that this pass has put into their places
  std::size_t left_ = 0, right_ = 0;  // next in the two runs that are being merged
};

}  // namespace coramfs::detail
