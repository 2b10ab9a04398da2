// SPDX-License-Identifier: BSL-1.0
#include "storage/block_table.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>
#include <new>
#include <stdexcept>
#include <utility>

namespace coramfs::detail {

namespace {

// Returns how many bytes of a block may be used: its capacity, up to the size of blocks.
std::size_t room_in(const block* b) noexcept {
  return b != nullptr ? std::min(b->capacity(), block_table::block_size) : 0;
}

// Returns how many of the `n` bytes from `begin` on were stored. What is behind them reads as zero.
std::size_t stored_in(const block* b, std::size_t begin, std::size_t n) noexcept {
  return b != nullptr && begin < b->used ? std::min(n, b->used - begin) : 0;
}

}  // namespace

std::size_t block_table::read(std::uint64_t offset, std::span<std::byte> to) const noexcept {
  if (offset >= size_) return 0;
  const std::size_t count = std::min<std::uint64_t>(to.size(), size_ - offset);
  std::byte* target = to.data();
  for_each_piece(offset, offset + count, [&](block* b, std::size_t begin, std::size_t n) {
    const std::size_t there = stored_in(b, begin, n);
    if (there > 0) std::memcpy(target, b->data() + begin, there);
    std::memset(target + there, 0, n - there);
    target += n;
  });
  return count;
}

result<void> block_table::make_room(const account& payer, std::uint64_t offset,
                                    std::uint64_t size) {
  const std::uint64_t end = offset + size;
  return make_room(payer, wish{offset, end, std::max(size_, end), 0, payer.size_ahead()});
}

result<void> block_table::resize(const account& payer, std::uint64_t size) {
  totals now = totals_now();
  now.size = size;
  if (payer.has_faults()) [[unlikely]] {
    BOOST_OUTCOME_TRY(payer.ask_reserving(now, totals_now()));
  }
  BOOST_OUTCOME_TRY(auto paid, payer.reserve(now, totals_now()));
  BOOST_OUTCOME_TRY(payer.approve(now, totals_now()));
  cut(size);
  size_ = size;
  paid.commit();
  settle(payer);
  return boost::outcome_v2::success();
}

// What is cut away pays for what is missing in front of it.
result<void> block_table::recreate(const account& payer, std::uint64_t size) {
  const std::uint64_t freed = size < size_ ? blocks_.footprint_from(blocks_for(size)) : 0;
  BOOST_OUTCOME_TRY(make_room(payer, wish{0, size, size, freed, payer.size_ahead()}));
  cut(size);
  settle(payer);
  return boost::outcome_v2::success();
}

void block_table::trim(const account& payer) noexcept {
  // Where there is no slack, the file may still be charged for some: it gave way for a write that
  // then failed.
  if (blocks_.slack_bound() == 0 && footprint_ == blocks_.footprint()) return;
  settle_slack(block_map::none, block_map::all_slack);
  blocks_.shrink();
  settle(payer);
}

totals block_table::totals_for(std::uint64_t chain_size, std::uint64_t begin,
                               std::uint64_t end) noexcept {
  const std::uint64_t size = std::max(chain_size, end);
  if (size == 0) return {};
  const std::uint64_t dense = blocks_for(chain_size);
  const std::uint64_t first = begin < end ? begin / block_size : dense - 1;
  // Counted are the blocks of the chain, of which the last may be smaller, and those behind them
  // that the write needs.
  std::uint64_t footprint = 0;
  const auto add = [&](std::uint64_t from, std::uint64_t to, std::uint64_t stop) {
    if (from >= to) return;
    const std::size_t last = std::min<std::uint64_t>(stop - (to - 1) * block_size, block_size);
    footprint += (to - from - 1) * block::footprint(block_size) + block::footprint(last);
  };
  const bool meets = first < dense;  // the write begins in the last block of the chain
  const std::uint64_t in_dense = meets ? std::max(chain_size, end) : chain_size;
  add(0, dense, in_dense);
  add(std::max(first, dense), blocks_for(end), end);
  const block_map::range behind{std::max(first, std::max<std::uint64_t>(dense, 1) - 1),
                                blocks_for(size) - 1};
  const block_map::range chained =
      dense > 0 ? block_map::range{0, dense - 1} : block_map::range{behind.first, behind.first};
  footprint += block_map::pages_footprint(chained, behind);
  return {size, footprint, 0};
}

// A last block that is pinned is copied when it grows, and stays charged beside that.
totals block_table::totals_grown_to(std::uint64_t size) const noexcept {
  totals grown = totals_for(size, size, size);
  const std::uint64_t number = size_ / block_size;
  const block* const last = size_ % block_size > 0 ? blocks_.find(number) : nullptr;
  const std::uint64_t wanted = std::min<std::uint64_t>(block_size, size - number * block_size);
  if (last != nullptr && last->has_pins() && room_in(last) < wanted)
    grown.footprint += last->charged();
  return grown;
}

std::uint64_t block_table::blocks_for(std::uint64_t size) noexcept {
  return (size + block_size - 1) / block_size;
}

bool block_table::has_room(std::uint64_t begin, std::uint64_t end) const noexcept {
  while (begin < end) {
    block* const b = blocks_.find(begin / block_size);
    const std::size_t from = begin % block_size;
    const std::size_t n = std::min<std::uint64_t>(end - begin, block_size - from);
    if (from + n > room_in(b) || must_be_copied(b, from, n)) return false;
    begin += n;
  }
  return true;
}

// Returns whether a write of `n` bytes at `from` needs a copy of the block, since bytes are pinned
// there, or in front of that where the write has to make zeros.
bool block_table::must_be_copied(block* b, std::size_t from, std::size_t n) noexcept {
  return b != nullptr && b->is_pinned_in(std::min<std::size_t>(from, b->used), from + n);
}

void block_table::list_pieces(std::uint64_t begin, std::uint64_t end, pieces& to) const {
  const auto add_hole = [&](std::uint64_t n) {
    if (n == 0) return;
    if (to.empty() || to.back().data != nullptr) to.push_back({nullptr, 0, nullptr});
    to.back().size += n;
  };
  for_each_piece(begin, end, [&](block* b, std::size_t from, std::size_t n) {
    const std::size_t there = stored_in(b, from, n);
    if (there > 0) to.push_back({b->data() + from, there, b});
    add_hole(n - there);
  });
}

bool block_table::settle_pins(std::uint64_t begin, std::uint64_t end) noexcept {
  bool any = false;
  const std::uint64_t before = blocks_.footprint();
  for_each_block(begin, end, [&](std::uint64_t, block& b) {
    blocks_.settle_charge(b);
    any = any || b.is_pinned();
  });
  footprint_ += blocks_.footprint() - before;
  return any;
}

// Settles the charge of blocks that may have slack, until they have enough of it. Returns how much
// gives way, but for what is `kept`.
std::uint64_t block_table::settle_slack(block_map::range kept, std::uint64_t enough) noexcept {
  const std::uint64_t before = blocks_.footprint();
  const std::uint64_t slack = blocks_.settle_slack(kept, enough);
  footprint_ += blocks_.footprint() - before;
  return slack;
}

// Lists the blocks that have to be made for a wish. A block that is filled piece by piece grows by
// doubling; one that is entered at its start, but for the first of the file, is likely to be
// filled.
block_table::new_blocks block_table::plan(const wish& w, growth g) const {
  new_blocks fresh;
  std::uint64_t number = w.begin / block_size;
  for_each_piece(w.begin, w.end, [&](block* b, std::size_t from, std::size_t n) {
    const std::uint64_t left = w.size - number * block_size;
    const std::size_t stays = b != nullptr ? std::min<std::uint64_t>(b->used, left) : 0;
    const std::size_t has = room_in(b), needed = std::max(from + n, stays);
    const std::size_t likely = likely_room(w, number, from, has);
    const bool is_too_large =
        g == growth::tight && b != nullptr && block::footprint(needed) < b->charged();
    if (from + n > has || must_be_copied(b, from, n) || is_too_large)
      fresh.push_back({number, g == growth::generous ? std::max(needed, likely) : needed, {}});
    ++number;
  });
  return fresh;
}

// What is paid for ahead is made at once: a block that is pinned could only grow by a copy, for
// which there is no money.
std::size_t block_table::likely_room(const wish& w, std::uint64_t number, std::size_t from,
                                     std::size_t has) noexcept {
  if (w.size <= w.ahead)
    return static_cast<std::size_t>(
        std::min<std::uint64_t>(block_size, w.ahead - number * block_size));
  return number > 0 && from == 0 ? block_size : std::min(block_size, 2 * has);
}

totals block_table::after(const wish& w, const new_blocks& fresh) const noexcept {
  totals now = without_blocks(w);
  now.footprint += blocks_.missing_footprint(w.begin / block_size, (w.end - 1) / block_size);
  for (const new_block& f : fresh) {
    if (const block* const old = blocks_.find(f.number)) now.footprint -= old->charged();
    now.footprint += block::footprint(f.capacity);
  }
  return now;
}

totals block_table::without_blocks(const wish& w) const noexcept {
  return {w.size, blocks_.footprint() - w.freed, 0};
}

// Returns the blocks that are not shrunk when slack gives way: what is too large among them is made
// anew, and what is behind the end is cut away.
block_map::range block_table::kept_by(const wish& w) noexcept {
  constexpr std::uint64_t all = std::numeric_limits<std::uint64_t>::max();
  return {w.begin / block_size, w.freed > 0 ? all : (w.end - 1) / block_size};
}

result<void> block_table::make_room(const account& payer, const wish& w) try {
  // No block is looked at for a size that is out of all proportion to what there is.
  const bool may_have_room = w.end - w.begin <= blocks_.footprint();
  totals now = without_blocks(w);
  if (w.begin != w.end && !(may_have_room && has_room(w.begin, w.end))) {
    // If such a size has to be refused, that is before its blocks are counted one by one.
    now.footprint += w.end - w.begin - std::min(w.end - w.begin, blocks_.footprint());
    if (!may_have_room) {
      BOOST_OUTCOME_TRY(payer.require(now, totals_now()));
    }
    return take_blocks(payer, w);
  }
  if (payer.has_faults()) [[unlikely]] {
    BOOST_OUTCOME_TRY(payer.ask_reserving(now, totals_now()));
  }
  BOOST_OUTCOME_TRY(auto paid, payer.reserve(now, totals_now()));
  BOOST_OUTCOME_TRY(payer.approve(now, totals_now()));
  size_ = now.size;
  footprint_ = now.footprint;
  paid.commit();
  return boost::outcome_v2::success();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
} catch (const std::length_error&) {
  return errc::out_of_memory;
}

// Asks about what `take_blocks` would ask the quota for before it fails.
result<void> block_table::ask_growing(const account& payer, const wish& w) const {
  const bool gives_way = payer.counts_memory();
  totals now = after(w, plan(w, gives_way ? growth::tight : growth::exact));
  if (gives_way) now.footprint -= std::min(now.footprint, blocks_.slack_bound());
  return payer.ask_reserving(now, totals_now());
}

// Asks for room to grow, then for the exact room, and at last has as much slack give way as is
// missing: only the smallest way to have the room is refused.
result<void> block_table::take_blocks(const account& payer, const wish& w) {
  const bool has_few_begun = blocks_.blocks_with_slack() < most_with_slack;
  if (payer.has_faults()) [[unlikely]] {
    BOOST_OUTCOME_TRY(ask_growing(payer, w));
  }
  new_blocks fresh = plan(w, has_few_begun ? growth::generous : growth::exact);
  totals now = after(w, fresh);
  auto reserved = payer.reserve(now, totals_now());
  if (!reserved) {
    fresh = plan(w, growth::exact);
    now = after(w, fresh);
    reserved = payer.reserve(now, totals_now());
  }
  bool gives_way = !reserved && payer.counts_memory();
  std::uint64_t missing = 0;  // bytes
  if (gives_way) {
    // Blocks are only looked at if all of their slack would be enough.
    fresh = plan(w, growth::tight);
    now = after(w, fresh);
    const auto without = payer.require(now, totals_now());
    if (!without) missing = without.error().requested() - without.error().available();
    now.footprint -= std::min(now.footprint, blocks_.slack_bound());
    const auto judged = payer.require(now, totals_now());
    gives_way = static_cast<bool>(judged);
    if (!judged) reserved = judged.error();
  }
  if (gives_way) {
    const std::uint64_t slack = settle_slack(kept_by(w), missing);
    fresh = plan(w, growth::tight);
    now = after(w, fresh);
    now.footprint -= slack;
    reserved = payer.reserve(now, totals_now());
  }
  BOOST_OUTCOME_TRY(auto paid, std::move(reserved));
  BOOST_OUTCOME_TRY(payer.approve(now, totals_now()));
  if (!fresh.empty()) {
    if (payer.has_faults()) [[unlikely]] {
      BOOST_OUTCOME_TRY(payer.ask_allocating(now, totals_now()));
    }
  }
  if (gives_way) {
    BOOST_OUTCOME_TRY(give_way(payer, w, fresh, missing, now, paid));
  }
  // There may be no block to make, if a pin has gone that was in the way.
  if (!fresh.empty()) {
    BOOST_OUTCOME_TRY(install(payer.blocks(), payer.owner(), fresh));
  }
  size_ = now.size;
  footprint_ = now.footprint;
  paid.commit();
  return boost::outcome_v2::success();
}

// Shrinks the blocks with slack, and corrects the reservation where one could not be shrunk, or one
// more could. What is freed has not been given back to the quota yet, so nothing of it may be kept
// for reuse.
result<void> block_table::give_way(const account& payer, const wish& w, const new_blocks& fresh,
                                   std::uint64_t missing, totals& now, reservation& paid) noexcept {
  blocks_.shrink(kept_by(w), missing);
  payer.blocks().keep_at_most(payer.limits().left());
  const totals seen = after(w, fresh);
  if (seen.footprint == now.footprint) return boost::outcome_v2::success();
  if (!payer.adjust(paid, seen, totals_now())) return errc::out_of_memory;
  now = seen;
  return boost::outcome_v2::success();
}

// Makes the blocks and puts them into their places. One that replaces another takes over its bytes.
result<void> block_table::install(block_memory& from, storage* owner, new_blocks& fresh) {
  for (new_block& f : fresh) {
    f.memory = block_ref(block::allocate(from, owner, f.capacity));
    if (!f.memory) return errc::out_of_memory;
  }
  if (!blocks_.make_pages(from, fresh.front().number, fresh.back().number))
    return errc::out_of_memory;
  for (new_block& f : fresh) {
    if (const block* const old = blocks_.find(f.number)) {
      f.memory->used = std::min(old->used, static_cast<std::uint32_t>(f.capacity));
      std::memcpy(f.memory->data(), old->data(), f.memory->used);
    }
    blocks_.set(f.number, std::move(f.memory));
  }
  return boost::outcome_v2::success();
}

bool block_table::overwrite(std::uint64_t offset, std::span<const std::byte> from) noexcept {
  const std::size_t begin = offset % block_size;
  if (footprint_ != blocks_.footprint() || offset >= size_) return false;
  block* const b = blocks_.find(offset / block_size);
  if (b == nullptr || begin >= b->used || from.size() > b->used - begin) return false;
  b->store(begin, from.data(), from.size(), from.size());
  return true;
}

void block_table::store(std::uint64_t offset, std::span<const std::byte> from) noexcept {
  const std::byte* source = from.data();
  std::uint64_t number = offset / block_size;
  for_each_piece(offset, offset + from.size(), [&](block* b, std::size_t begin, std::size_t n) {
    extend_to(number++, *b, begin, n);
    b->store(begin, source, n, from.size());
    source += n;
  });
}

void block_table::mark_stored(std::uint64_t offset, std::uint64_t size) noexcept {
  std::uint64_t number = offset / block_size;
  for_each_piece(offset, offset + size, [&](block* b, std::size_t begin, std::size_t n) {
    extend_to(number++, *b, begin, n);
  });
}

void block_table::store_zeros(std::uint64_t begin, std::uint64_t end) noexcept {
  std::uint64_t number = begin / block_size;
  for_each_piece(begin, end, [&](block* b, std::size_t from, std::size_t n) {
    std::memset(extend_to(number++, *b, from, n), 0, n);
  });
}

// Makes room for `n` bytes in a block, and zeros of what is between the bytes that were stored and
// those that come.
std::byte* block_table::extend_to(std::uint64_t number, block& b, std::size_t begin,
                                  std::size_t n) noexcept {
  if (b.used < begin) std::memset(b.data() + b.used, 0, begin - b.used);
  if (b.used < begin + n) blocks_.set_used(number, b, static_cast<std::uint32_t>(begin + n));
  return b.data() + begin;
}

// Gives back what was charged and turned out not to be needed.
void block_table::settle(const account& payer) noexcept {
  totals now = totals_now();
  now.footprint = blocks_.footprint();
  payer.reserve(now, totals_now()).value().commit();
  footprint_ = now.footprint;
}

// The bytes at both ends that are in blocks of which others stay.
block_table::parts block_table::parts_at_ends(std::uint64_t begin, std::uint64_t end) {
  parts all;
  const std::uint64_t first = begin / block_size, last = end / block_size;
  const std::size_t from = begin % block_size, to = end % block_size;
  if (first == last) {
    if (from < to) all.push_back({first, from, to});
    return all;
  }
  if (from > 0) all.push_back({first, from, block_size});
  if (to > 0) all.push_back({last, 0, to});
  return all;
}

// Whether bytes are to be changed that somebody has pinned. Where no stored byte is behind them it
// is enough to say that fewer were stored.
bool block_table::is_pinned_inside(const part& p) const noexcept {
  block* const b = blocks_.find(p.number);
  return b != nullptr && p.end < b->used && b->is_pinned_in(p.begin, p.end);
}

result<void> block_table::copy_blocks(const account& payer, const parts& of) {
  new_blocks fresh;
  totals now = totals_now();
  for (const part& p : of) {
    const block& b = *blocks_.find(p.number);
    fresh.push_back({p.number, b.used, {}});
    now.footprint = now.footprint - b.charged() + block::footprint(b.used);
  }
  if (payer.has_faults()) [[unlikely]] {
    BOOST_OUTCOME_TRY(payer.ask_reserving(now, totals_now()));
  }
  BOOST_OUTCOME_TRY(auto paid, payer.reserve(now, totals_now()));
  BOOST_OUTCOME_TRY(payer.approve(now, totals_now()));
  if (payer.has_faults()) [[unlikely]] {
    BOOST_OUTCOME_TRY(payer.ask_allocating(now, totals_now()));
  }
  BOOST_OUTCOME_TRY(install(payer.blocks(), payer.owner(), fresh));
  footprint_ = now.footprint;
  paid.commit();
  return boost::outcome_v2::success();
}

void block_table::clear(const part& p) noexcept {
  block* const b = blocks_.find(p.number);
  if (b == nullptr || b->used <= p.begin) return;
  if (b->used > p.end) {
    std::memset(b->data() + p.begin, 0, p.end - p.begin);
  } else if (p.begin > 0) {
    blocks_.set_used(p.number, *b, static_cast<std::uint32_t>(p.begin));
  } else {
    blocks_.remove(p.number, p.number);
  }
}

result<void> block_table::punch(const account& payer, std::uint64_t begin, std::uint64_t end) try {
  // Behind the end of the file there are no bytes that would have to stay.
  if (end == size_) end = blocks_for(size_) * block_size;
  const parts at_ends = parts_at_ends(begin, end);
  parts pinned;
  std::copy_if(at_ends.begin(), at_ends.end(), std::back_inserter(pinned),
               [this](const part& p) { return is_pinned_inside(p); });
  if (!pinned.empty()) {
    BOOST_OUTCOME_TRY(copy_blocks(payer, pinned));
  }
  for (const part& p : at_ends) clear(p);
  const std::uint64_t first = blocks_for(begin), behind = end / block_size;
  if (first < behind) blocks_.remove(first, behind - 1);
  settle(payer);
  return boost::outcome_v2::success();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

std::uint64_t block_table::next_data(std::uint64_t offset) const noexcept {
  if (offset >= size_) return size_;
  for (auto number = blocks_.next(offset / block_size); number;
       number = blocks_.next(*number + 1)) {
    const std::uint64_t begin = *number * block_size, from = std::max(begin, offset);
    if (from - begin < blocks_.find(*number)->used) return from;
  }
  return size_;
}

std::uint64_t block_table::next_hole(std::uint64_t offset) const noexcept {
  while (offset < size_) {
    const std::uint64_t number = offset / block_size;
    const block* const b = blocks_.find(number);
    const std::size_t stored = stored_in(b, offset % block_size, block_size);
    offset += stored;
    if (offset < (number + 1) * block_size) break;
  }
  return std::min(offset, size_);
}

void block_table::cut(std::uint64_t size) noexcept {
  blocks_.remove_from(blocks_for(size));
  block* const last = blocks_.find(size / block_size);
  const auto end = static_cast<std::uint32_t>(size % block_size);
  if (last == nullptr || last->used <= end) return;
  blocks_.set_used(size / block_size, *last, end);
}

totals block_table::clone_totals() const noexcept {
  totals now{size_, blocks_.pages_footprint(), 0};
  blocks_.for_each(
      [&](std::uint64_t, const block& b) { now.footprint += block::footprint(b.used); });
  return now;
}

result<void> block_table::clone_room(const account& prepaid, const block_table& from) try {
  new_blocks fresh;
  from.blocks_.for_each([&](std::uint64_t number, const block& b) {
    fresh.push_back({number, b.used, {}});
  });
  for (new_block& f : fresh) {
    f.memory = block_ref(block::allocate(prepaid.blocks(), prepaid.owner(), f.capacity));
    if (!f.memory || !blocks_.make_pages(prepaid.blocks(), f.number, f.number))
      return errc::out_of_memory;
  }
  for (new_block& f : fresh) {
    f.memory->used = static_cast<std::uint32_t>(f.capacity);
    blocks_.set(f.number, std::move(f.memory));
  }
  size_ = from.size_;
  footprint_ = blocks_.footprint();
  return boost::outcome_v2::success();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

std::uint64_t block_table::clone_bytes(const block_table& from, std::uint64_t begin,
                                       std::uint64_t count) noexcept {
  auto number = blocks_.next(begin / block_size);
  for (std::uint64_t copied = 0; number && copied < count; copied += block_size) {
    block& copy = *blocks_.find(*number);
    std::memcpy(copy.data(), from.blocks_.find(*number)->data(), copy.used);
    number = blocks_.next(*number + 1);
  }
  return number ? *number * block_size : size_;
}

totals block_table::share_totals() const noexcept {
  return {size_, blocks_.pages_footprint() + blocks_.count() * block::loan_footprint(), 0};
}

bool block_table::share(block_memory& memory, const block_table& from, loan_maker& loans) noexcept {
  if (!blocks_.borrow(memory, from.blocks_, loans)) return false;
  size_ = from.size_;
  footprint_ = blocks_.footprint();
  return true;
}

void block_table::replace_shared(std::uint64_t place, block_ref by, std::size_t size) noexcept {
  by->used = static_cast<std::uint32_t>(size);
  blocks_.set(place, std::move(by));
}

void block_table::take_over(storage& owner, std::uint64_t begin, std::uint64_t end) noexcept {
  const std::uint64_t before = blocks_.footprint();
  for_each_block(begin, end, [&](std::uint64_t number, const block& b) {
    if (b.is_loan()) blocks_.take_over(number, owner);
  });
  footprint_ += blocks_.footprint() - before;
}

// Makes blocks with nothing in them, full but for the last one, which ends at `stop`. Makes all or
// none.
result<void> block_table::add_blocks(block_memory& from, storage* owner, std::uint64_t first,
                                     std::uint64_t behind, std::uint64_t stop) noexcept try {
  if (first >= behind) return boost::outcome_v2::success();
  new_blocks fresh;
  for (std::uint64_t i = first; i < behind; ++i)
    fresh.push_back({i, std::min<std::uint64_t>(stop - i * block_size, block_size), {}});
  return install(from, owner, fresh);
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

// Calls `action(number, block)` for the blocks of the bytes from `begin` to `end`. The last block
// counts as a whole: a write may begin behind the bytes that it has. Behind that none is looked
// for, since to see that there is none takes longer than to find one.
template <class Action>
void block_table::for_each_block(std::uint64_t begin, std::uint64_t end, Action action) const {
  const std::uint64_t behind = begin < end ? blocks_for(std::min(end, size_)) : 0;
  for (std::uint64_t from = begin / block_size; from < behind;) {
    const auto number = blocks_.next(from);
    if (!number || *number >= behind) return;
    action(*number, *blocks_.find(*number));
    from = *number + 1;
  }
}

template <class Action>
void block_table::for_each_piece(std::uint64_t begin, std::uint64_t end, Action action) const {
  while (begin < end) {
    const std::size_t from = begin % block_size;
    const std::size_t n = std::min<std::uint64_t>(end - begin, block_size - from);
    action(blocks_.find(begin / block_size), from, n);
    begin += n;
  }
}

}  // namespace coramfs::detail
