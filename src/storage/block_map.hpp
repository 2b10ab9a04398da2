// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "storage/block.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

namespace coramfs::detail {

/// Blocks by number, in a radix tree of pages: what has no blocks takes no pages, however far apart
/// the blocks are. Block 0 alone needs no page at all.
///
/// Each block is told its place. Guarded by the file's lock, like the table that has it.
class block_map {
 public:
  /// The numbers from `first` to `last`.
  struct range {
    std::uint64_t first, last;

    bool has(std::uint64_t number) const noexcept { return first <= number && number <= last; }
  };
  static constexpr range none{1, 0};
  static constexpr std::uint64_t all_slack = std::numeric_limits<std::uint64_t>::max();  // bytes

  block_map() noexcept = default;
  block_map(block_map&& other) noexcept;
  block_map& operator=(block_map&& other) noexcept;
  ~block_map() { remove_from(0); }

  /// Bytes that the pages and the blocks take; of a block, what is in its file's charge.
  std::uint64_t footprint() const noexcept { return footprint_; }
  /// Bytes that the pages alone take.
  std::uint64_t pages_footprint() const noexcept {
    return count_pages(root_, levels_) * page_footprint;
  }

  /// Calls `action(number, block)` for each block, in order.
  template <class Action>
  void for_each(Action action) const {
    for_each(root_, levels_, 0, action);
  }

  /// Returns the block, or null if there is none.
  block* find(std::uint64_t number) const noexcept;
  /// Returns the number of the first block from `first` on.
  std::optional<std::uint64_t> next(std::uint64_t first) const noexcept;
  /// Puts a block into its place. Precondition: `make_pages` has made that place.
  void set(std::uint64_t number, block_ref b) noexcept;
  /// Puts another block, which takes as much memory, into the place of one.
  void replace(const block& old, block& fresh) noexcept { place(old.place)->leaf = &fresh; }
  /// Takes a block out of its place. The reference is empty if there is none.
  block_ref take(std::uint64_t number) noexcept;

  /// As `block::settle_charge`, of a block in this map.
  void settle_charge(block& b) noexcept;

  /// As `block::take_over`, of the loan in that place.
  void take_over(std::uint64_t number, storage& owner) noexcept;
  /// How many blocks there are. It looks at all pages, and at no block.
  std::size_t count() const noexcept {
    std::size_t all = 0;
    for_each([&](std::uint64_t, const block&) { ++all; });
    return all;
  }
  /// Makes loans of all blocks of another map. Returns whether it has; where memory is refused,
  /// this has some of them. Precondition: this is empty.
  bool borrow(block_memory& from, const block_map& of, loan_maker& loans) noexcept;

  /// Changes how much of a block is used, which nothing else may do.
  void set_used(std::uint64_t number, block& b, std::uint32_t used) noexcept;
  /// An upper bound of the bytes that blocks take beyond what is used of them, in constant time:
  /// `shrink` can not give back more.
  std::uint64_t slack_bound() const noexcept { return slack_bound_; }
  /// How many blocks these bytes are in.
  std::size_t blocks_with_slack() const noexcept { return blocks_with_slack_; }
  /// Settles the charge of blocks that may have slack, until those that it has looked at have
  /// `enough` bytes of it, and returns how much `shrink` would give back of them if no memory is
  /// refused. It looks at no block without slack, so it takes time in proportion to `enough`, and
  /// to the blocks that are pinned.
  std::uint64_t settle_slack(range kept = none, std::uint64_t enough = all_slack) noexcept;
  /// Shrinks the same blocks to what is used of them, but for those with a number in `kept`.
  /// Precondition: `settle_slack` with the same arguments.
  void shrink(range kept = none, std::uint64_t enough = all_slack) noexcept;

  /// Makes the pages that the places from `first` to `last` are in. Returns whether it has; where
  /// memory is refused, nothing has changed.
  bool make_pages(block_memory& from, std::uint64_t first, std::uint64_t last) noexcept;
  /// Bytes of the pages for two ranges, in an empty map. Precondition: `a` does not end behind
  /// the begin of `b`.
  static std::uint64_t pages_footprint(range a, range b) noexcept;
  /// Bytes that `make_pages` would take.
  std::uint64_t missing_footprint(std::uint64_t first, std::uint64_t last) const noexcept;

  /// Drops all blocks from `first` on, and the pages behind them.
  void remove_from(std::uint64_t first) noexcept { remove_from(first, false); }
  /// Drops the blocks from `first` to `last`, and the pages that have none then.
  void remove(std::uint64_t first, std::uint64_t last) noexcept;
  /// Bytes that `remove_from` would give back.
  std::uint64_t footprint_from(std::uint64_t first) const noexcept {
    return const_cast<block_map*>(this)->remove_from(first, true);
  }

 private:
  static constexpr unsigned fanout_bits = 6, fanout = 1 << fanout_bits;

  struct page;
  /// A page on the levels above 0, a block on level 0, or nothing.
  union slot {
    page* child = nullptr;
    block* leaf;
  };
  struct page {
    std::array<slot, fanout> slots;
    std::uint64_t may_have_slack = 0;  // one bit for each slot: whether a block below it may
  };
  static constexpr std::uint64_t page_footprint = small_memory::footprint(sizeof(page));
  template <class Action>
  static void for_each(const slot& s, unsigned level, std::uint64_t first, Action& action) {
    if (s.child == nullptr) return;
    if (level == 0) return action(first, *s.leaf);
    for (std::uint64_t i = 0; i < fanout; ++i)
      for_each(s.child->slots[i], level - 1, first + (i << ((level - 1) * fanout_bits)), action);
  }
  static std::uint64_t count_pages(const slot& s, unsigned level) noexcept;
  bool borrow(block_memory& from, slot& s, const slot& of, unsigned level,
              loan_maker& loans) noexcept;
  static unsigned levels_for(std::uint64_t number) noexcept;
  unsigned levels_with(std::uint64_t number) const noexcept;
  static std::uint64_t pages_for(range r, unsigned levels) noexcept;
  static range below(range r, unsigned level, std::uint64_t child) noexcept;
  slot* place(std::uint64_t number) noexcept;
  static std::optional<std::uint64_t> next(const slot& s, unsigned level,
                                           std::uint64_t first) noexcept;
  bool make(block_memory& from, slot& s, unsigned level, range r) noexcept;
  bool prune(slot& s, unsigned level) noexcept;
  void pop_roots(unsigned levels) noexcept;
  std::uint64_t missing_pages(const slot& s, unsigned level, range r) const noexcept;
  void count_slack(const block& b) noexcept;
  void discount_slack(const block& b) noexcept;
  bool root_may_have_slack() const noexcept;
  void mark_slack(std::uint64_t number, bool has_any) noexcept;
  template <class Look>
  static bool for_each_slack(slot& s, unsigned level, std::uint64_t first, Look& look,
                             const bool& is_enough);
  page* new_page(block_memory& from) noexcept;
  void delete_page(slot& s) noexcept;
  std::uint64_t remove_from(std::uint64_t first, bool dry) noexcept;
  void remove_range(slot& s, unsigned level, range r) noexcept;
  std::uint64_t remove(slot& s, unsigned level, std::uint64_t first, bool dry) noexcept;

  // Every file has one of these, so its members are in the order that takes the least memory.
  slot root_;
  std::uint64_t footprint_ = 0;
  std::uint64_t slack_bound_ = 0;
  unsigned levels_ = 0;  // of pages; 0: the root is block 0 itself, or nothing
  std::uint32_t blocks_with_slack_ = 0;
  bool block_has_slack_ = false;  // of block 0, where there are no pages
};

}  // namespace coramfs::detail
