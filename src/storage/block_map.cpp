// SPDX-License-Identifier: BSL-1.0
#include "storage/block_map.hpp"

#include "storage/loan_maker.hpp"

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

namespace coramfs::detail {

namespace {

// Bytes that a block takes beyond what is used of it, pinned or not.
std::uint64_t spare(const block& b) noexcept {
  const std::uint64_t all = b.footprint();
  return all - std::min(all, block::footprint(b.used));
}

}  // namespace

block_map::block_map(block_map&& other) noexcept
    : root_(std::exchange(other.root_, {})),
      footprint_(std::exchange(other.footprint_, 0)),
      slack_bound_(std::exchange(other.slack_bound_, 0)),
      levels_(std::exchange(other.levels_, 0)),
      blocks_with_slack_(std::exchange(other.blocks_with_slack_, 0)),
      block_has_slack_(std::exchange(other.block_has_slack_, false)) {}

block_map& block_map::operator=(block_map&& other) noexcept {
  std::swap(root_, other.root_);
  std::swap(levels_, other.levels_);
  std::swap(footprint_, other.footprint_);
  std::swap(slack_bound_, other.slack_bound_);
  std::swap(blocks_with_slack_, other.blocks_with_slack_);
  std::swap(block_has_slack_, other.block_has_slack_);
  return *this;
}

block* block_map::find(std::uint64_t number) const noexcept {
  const slot* const s = const_cast<block_map*>(this)->place(number);
  return s != nullptr ? s->leaf : nullptr;
}

std::optional<std::uint64_t> block_map::next(std::uint64_t first) const noexcept {
  if (levels_ == 0 && first > 0) return std::nullopt;
  return next(root_, levels_, first);
}

void block_map::set(std::uint64_t number, block_ref b) noexcept {
  slot& s = *place(number);
  b->place = number;
  const block_ref old(std::exchange(s.leaf, b.release()));
  footprint_ += s.leaf->charged();
  count_slack(*s.leaf);
  if (old) {
    footprint_ -= old->charged();
    discount_slack(*old);
  }
  mark_slack(number, spare(*s.leaf) > 0);
}

block_ref block_map::take(std::uint64_t number) noexcept {
  slot* const s = place(number);
  block_ref taken(s != nullptr ? std::exchange(s->leaf, nullptr) : nullptr);
  if (!taken) return taken;
  footprint_ -= taken->charged();
  discount_slack(*taken);
  return taken;
}

void block_map::settle_charge(block& b) noexcept {
  footprint_ -= b.charged();
  b.settle_charge();
  footprint_ += b.charged();
}

void block_map::take_over(std::uint64_t number, storage& owner) noexcept {
  slot& s = *place(number);
  const std::uint64_t bytes = s.leaf->charged(), had = spare(*s.leaf);
  block* const lender = s.leaf->take_over(&owner);
  if (lender == nullptr) return;
  s.leaf = lender;
  footprint_ += lender->charged() - bytes;
  slack_bound_ -= had;
  if (had > 0) --blocks_with_slack_;
  count_slack(*lender);
  mark_slack(number, spare(*lender) > 0);
}

bool block_map::make_pages(block_memory& from, std::uint64_t first, std::uint64_t last) noexcept {
  const unsigned levels_before = levels_, levels = levels_with(last);
  if (root_.child == nullptr) levels_ = levels;
  while (levels_ < levels) {
    page* const top = new_page(from);
    if (top == nullptr) break;
    const bool may_have_slack = root_may_have_slack();
    top->slots[0] = std::exchange(root_, {top});
    ++levels_;
    top->may_have_slack = may_have_slack ? 1 : 0;
  }
  if (levels_ == levels && make(from, root_, levels_, {first, last})) return true;
  if (prune(root_, levels_)) {
    levels_ = 0;
  } else {
    pop_roots(levels_before);
  }
  return false;
}

std::uint64_t block_map::missing_footprint(std::uint64_t first, std::uint64_t last) const noexcept {
  const unsigned levels = levels_with(last);
  std::uint64_t pages = 0;
  if (root_.child == nullptr || levels == levels_) {
    pages = missing_pages(root_, levels, {first, last});
  } else {
    // New roots are made above the present one, which goes into the first place of the lowest of
    // them.
    const std::uint64_t covered = std::uint64_t{1} << (levels_ * fanout_bits);
    pages = levels - levels_;
    if (first < covered)
      pages += missing_pages(root_, levels_, {first, std::min(last, covered - 1)});
    if (last >= covered) {
      const range rest{std::max(first, covered), last};
      pages += pages_for(rest, levels);
      for (unsigned level = levels_ + 1; level <= levels; ++level)
        if (rest.first >> (level * fanout_bits) == 0) --pages;  // that is a new root
    }
  }
  return pages * page_footprint;
}

std::uint64_t block_map::count_pages(const slot& s, unsigned level) noexcept {
  if (level == 0 || s.child == nullptr) return 0;
  if (level == 1) return 1;
  std::uint64_t pages = 1;
  for (const slot& below : s.child->slots) pages += count_pages(below, level - 1);
  return pages;
}

bool block_map::borrow(block_memory& from, const block_map& of, loan_maker& loans) noexcept {
  levels_ = of.levels_;
  const bool has_all = borrow(from, root_, of.root_, levels_, loans);
  if (root_.child == nullptr) levels_ = 0;
  return has_all;
}

// A loan has no slack. A page that has no blocks below it is not made again.
bool block_map::borrow(block_memory& from, slot& s, const slot& of, unsigned level,
                       loan_maker& loans) noexcept {
  if (of.child == nullptr) return true;
  if (level == 0) {
    s.leaf = loans.take(*of.leaf, of.leaf->used);
    if (s.leaf == nullptr) return false;
    s.leaf->place = of.leaf->place;
    s.leaf->used = of.leaf->used;
    footprint_ += block::loan_footprint();
    return true;
  }
  s.child = new_page(from);
  if (s.child == nullptr) return false;
  bool has_any = false, has_all = true;
  for (std::size_t i = 0; i < fanout && has_all; ++i) {
    has_all = borrow(from, s.child->slots[i], of.child->slots[i], level - 1, loans);
    has_any = has_any || s.child->slots[i].child != nullptr;
  }
  if (!has_any) delete_page(s);
  return has_all;
}

std::uint64_t block_map::pages_footprint(range a, range b) noexcept {
  const unsigned levels = levels_for(b.last);
  std::uint64_t pages = pages_for(a, levels) + pages_for(b, levels);
  for (unsigned level = 1; level <= levels; ++level)
    if (a.last >> (level * fanout_bits) == b.first >> (level * fanout_bits)) --pages;
  return pages * page_footprint;
}

unsigned block_map::levels_for(std::uint64_t number) noexcept {
  unsigned levels = 0;
  for (; number != 0; number >>= fanout_bits) ++levels;
  return levels;
}

unsigned block_map::levels_with(std::uint64_t number) const noexcept {
  return root_.child == nullptr ? levels_for(number) : std::max(levels_, levels_for(number));
}

// Returns how many pages a range needs in an empty tree.
std::uint64_t block_map::pages_for(range r, unsigned levels) noexcept {
  std::uint64_t pages = 0;
  for (unsigned level = 1; level <= levels; ++level)
    pages += (r.last >> (level * fanout_bits)) - (r.first >> (level * fanout_bits)) + 1;
  return pages;
}

// Returns the part of `r` that is below a child. Numbers are counted from the first one below the
// page, and in the result from the first one below the child.
block_map::range block_map::below(range r, unsigned level, std::uint64_t child) noexcept {
  const unsigned bits = (level - 1) * fanout_bits;
  const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
  return {child == r.first >> bits ? r.first & mask : 0,
          child == r.last >> bits ? r.last & mask : mask};
}

block_map::slot* block_map::place(std::uint64_t number) noexcept {
  if (levels_for(number) > levels_) return nullptr;
  slot* s = &root_;
  for (unsigned level = levels_; level > 0; --level) {
    if (s->child == nullptr) return nullptr;
    s = &s->child->slots[(number >> ((level - 1) * fanout_bits)) % fanout];
  }
  return s;
}

bool block_map::make(block_memory& from, slot& s, unsigned level, range r) noexcept {
  if (level == 0) return true;
  if (s.child == nullptr) s.child = new_page(from);
  if (s.child == nullptr) return false;
  const unsigned bits = (level - 1) * fanout_bits;
  for (std::uint64_t c = r.first >> bits; c <= r.last >> bits; ++c)
    if (!make(from, s.child->slots[c], level - 1, below(r, level, c))) return false;
  return true;
}

// Frees the pages that hold nothing. Returns whether the slot is empty then.
bool block_map::prune(slot& s, unsigned level) noexcept {
  if (level == 0 || s.child == nullptr) return s.child == nullptr;
  bool empty = true;
  for (slot& below : s.child->slots) empty = prune(below, level - 1) && empty;
  if (empty) delete_page(s);
  return empty;
}

void block_map::pop_roots(unsigned levels) noexcept {
  for (; levels_ > levels; --levels_) {
    if (root_.child == nullptr) continue;
    slot top = std::exchange(root_, root_.child->slots[0]);
    if (levels_ == 1) block_has_slack_ = (top.child->may_have_slack & 1) != 0;
    delete_page(top);
  }
}

std::uint64_t block_map::missing_pages(const slot& s, unsigned level, range r) const noexcept {
  if (level == 0) return 0;
  if (s.child == nullptr) return pages_for(r, level);
  const unsigned bits = (level - 1) * fanout_bits;
  std::uint64_t pages = 0;
  for (std::uint64_t c = r.first >> bits; c <= r.last >> bits; ++c)
    pages += missing_pages(s.child->slots[c], level - 1, below(r, level, c));
  return pages;
}

bool block_map::root_may_have_slack() const noexcept {
  if (levels_ == 0) return block_has_slack_;
  return root_.child != nullptr && root_.child->may_have_slack != 0;
}

void block_map::count_slack(const block& b) noexcept {
  const std::uint64_t bytes = spare(b);
  slack_bound_ += bytes;
  if (bytes > 0) ++blocks_with_slack_;
}

void block_map::discount_slack(const block& b) noexcept {
  const std::uint64_t bytes = spare(b);
  slack_bound_ -= bytes;
  if (bytes > 0) --blocks_with_slack_;
}

void block_map::set_used(std::uint64_t number, block& b, std::uint32_t used) noexcept {
  const bool had_any = spare(b) > 0;
  discount_slack(b);
  b.used = used;
  count_slack(b);
  const bool has_any = spare(b) > 0;
  if (had_any != has_any) mark_slack(number, has_any);
}

// A mark is set in all pages on the way, and taken away in the lowest alone: the others may say
// that there is slack where there is none, until `for_each_slack` looks.
void block_map::mark_slack(std::uint64_t number, bool has_any) noexcept {
  if (levels_ == 0) block_has_slack_ = has_any;
  slot* s = &root_;
  for (unsigned level = levels_; level > 0; --level) {
    const std::uint64_t i = (number >> ((level - 1) * fanout_bits)) % fanout;
    std::uint64_t& marks = s->child->may_have_slack;
    if (has_any) marks |= std::uint64_t{1} << i;
    if (!has_any && level == 1) marks &= ~(std::uint64_t{1} << i);
    s = &s->child->slots[i];
  }
}

// Calls `look(number, slot)` for each block that may have slack, and takes its mark away unless
// `look` returns that it still may have some. Ends early once `is_enough` is set. Returns whether
// any block still may have slack.
template <class Look>
bool block_map::for_each_slack(slot& s, unsigned level, std::uint64_t first, Look& look,
                               const bool& is_enough) {
  if (s.child == nullptr) return false;
  if (level == 0) return look(first, s);
  std::uint64_t& all = s.child->may_have_slack;
  for (std::uint64_t rest = all; rest != 0; rest &= rest - 1) {
    const auto i = static_cast<std::uint64_t>(std::countr_zero(rest));
    const std::uint64_t at = first + (i << ((level - 1) * fanout_bits));
    if (!for_each_slack(s.child->slots[i], level - 1, at, look, is_enough))
      all &= ~(std::uint64_t{1} << i);
    if (is_enough) break;
  }
  return all != 0;
}

std::uint64_t block_map::settle_slack(range kept, std::uint64_t enough) noexcept {
  if (!root_may_have_slack()) return 0;
  std::uint64_t bytes = 0;
  bool is_enough = false;
  auto look = [&](std::uint64_t number, slot& s) {
    settle_charge(*s.leaf);
    if (!kept.has(number)) bytes += s.leaf->slack();
    is_enough = bytes >= enough;
    return spare(*s.leaf) > 0;
  };
  block_has_slack_ = for_each_slack(root_, levels_, 0, look, is_enough);
  return bytes;
}

void block_map::shrink(range kept, std::uint64_t enough) noexcept {
  if (!root_may_have_slack()) return;
  std::uint64_t bytes = 0;
  bool is_enough = false;
  auto look = [&](std::uint64_t number, slot& s) {
    if (kept.has(number)) return true;
    block_ref b(std::exchange(s.leaf, nullptr));
    const std::uint64_t before = b->charged();
    discount_slack(*b);
    b.shrink(b->used);
    bytes += before - b->charged();
    footprint_ -= before - b->charged();
    is_enough = bytes >= enough;
    count_slack(*b);  // of one that is pinned
    s.leaf = b.release();
    return spare(*s.leaf) > 0;
  };
  block_has_slack_ = for_each_slack(root_, levels_, 0, look, is_enough);
}

block_map::page* block_map::new_page(block_memory& from) noexcept {
  void* const memory = from.small().take(sizeof(page), small_memory::use::fixed);
  if (memory == nullptr) return nullptr;
  footprint_ += page_footprint;
  return new (memory) page;
}

void block_map::delete_page(slot& s) noexcept {
  small_memory::give(std::exchange(s.child, nullptr));
  footprint_ -= page_footprint;
}

std::uint64_t block_map::remove_from(std::uint64_t first, bool dry) noexcept {
  std::uint64_t freed = 0;
  const unsigned levels = first == 0 ? 0 : levels_for(first - 1);
  if (first == 0 || levels_for(first) <= levels_) freed = remove(root_, levels_, first, dry);
  // A root that has nothing but its first child left goes, too.
  if (first != 0) {
    const slot* s = &root_;
    for (unsigned level = levels_; level > levels && s->child != nullptr; --level) {
      freed += page_footprint;
      s = &s->child->slots[0];
    }
  }
  if (!dry) pop_roots(std::min(levels, levels_));
  return freed;
}

std::optional<std::uint64_t> block_map::next(const slot& s, unsigned level,
                                             std::uint64_t first) noexcept {
  if (s.child == nullptr) return std::nullopt;
  if (level == 0) return 0;
  const unsigned bits = (level - 1) * fanout_bits;
  for (std::uint64_t c = first >> bits; c < fanout; ++c) {
    const std::uint64_t from = c == first >> bits ? first & ((std::uint64_t{1} << bits) - 1) : 0;
    if (const auto found = next(s.child->slots[c], level - 1, from)) return (c << bits) + *found;
  }
  return std::nullopt;
}

void block_map::remove(std::uint64_t first, std::uint64_t last) noexcept {
  const std::uint64_t covered = std::uint64_t{1} << (levels_ * fanout_bits);
  if (first >= covered) return;
  remove_range(root_, levels_, {first, std::min(last, covered - 1)});
  if (root_.child == nullptr) levels_ = 0;
}

// Drops what a range has below a slot, and the pages on the way that are empty then.
void block_map::remove_range(slot& s, unsigned level, range r) noexcept {
  if (s.child == nullptr) return;
  if (level == 0) {
    footprint_ -= s.leaf->charged();
    discount_slack(*s.leaf);
    const block_ref dropped(std::exchange(s.leaf, nullptr));
    return;
  }
  const unsigned bits = (level - 1) * fanout_bits;
  for (std::uint64_t c = r.first >> bits; c <= r.last >> bits; ++c)
    remove_range(s.child->slots[c], level - 1, below(r, level, c));
  const auto& slots = s.child->slots;
  if (std::all_of(slots.begin(), slots.end(), [](slot b) { return b.child == nullptr; }))
    delete_page(s);
}

std::uint64_t block_map::remove(slot& s, unsigned level, std::uint64_t first, bool dry) noexcept {
  if (s.child == nullptr) return 0;
  if (level == 0) {
    const std::uint64_t freed = s.leaf->charged();
    if (!dry) {
      footprint_ -= freed;
      discount_slack(*s.leaf);
      const block_ref dropped(std::exchange(s.leaf, nullptr));
    }
    return freed;
  }
  const unsigned bits = (level - 1) * fanout_bits;
  std::uint64_t freed = 0;
  for (std::uint64_t c = first >> bits; c < fanout; ++c) {
    const std::uint64_t from = c == first >> bits ? first & ((std::uint64_t{1} << bits) - 1) : 0;
    freed += remove(s.child->slots[c], level - 1, from, dry);
  }
  if (first == 0) {
    freed += page_footprint;
    if (!dry) delete_page(s);
  }
  return freed;
}

}  // namespace coramfs::detail
