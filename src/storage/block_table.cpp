// SPDX-License-Identifier: BSL-1.0
#include "storage/block_table.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

namespace coramfs::detail {

namespace {

// As much of a block as exists may be used, but no more than is the block's own.
std::size_t room_in(const block* b) noexcept {
  return b != nullptr ? std::min(b->capacity(), block_table::block_size) : 0;
}

}  // namespace

std::size_t block_table::read(std::uint64_t offset, std::span<std::byte> to) const noexcept {
  if (offset >= size_) return 0;
  const std::size_t count = std::min<std::uint64_t>(to.size(), size_ - offset);
  std::byte* target = to.data();
  for_each_piece(offset, offset + count, [&](block* b, std::size_t begin, std::size_t n) {
    const std::size_t room = room_in(b), there = begin < room ? std::min(n, room - begin) : 0;
    if (there > 0) std::memcpy(target, b->data() + begin, there);
    std::memset(target + there, 0, n - there);
    target += n;
  });
  return count;
}

result<void> block_table::make_room(const account& payer, std::uint64_t offset,
                                    std::uint64_t size) {
  extent grown = extent_now();
  grown.size = std::max(size_, offset + size);
  return make_room(payer, offset, offset + size, grown);
}

result<void> block_table::resize(const account& payer, std::uint64_t size) {
  extent now = extent_now();
  now.size = size;
  BOOST_OUTCOME_TRY(auto paid, payer.reserve(now, extent_now()));
  BOOST_OUTCOME_TRY(payer.approve(now, extent_now()));
  cut(size);
  size_ = size;
  paid.commit();
  settle(payer);
  return boost::outcome_v2::success();
}

// What is cut away pays for what is missing in front of it.
result<void> block_table::recreate(const account& payer, std::uint64_t size) {
  BOOST_OUTCOME_TRY(make_room(payer, 0, size, cut_extent(size)));
  cut(size);
  settle(payer);
  return boost::outcome_v2::success();
}

void block_table::trim(const account& payer) noexcept {
  if (!std::exchange(has_slack_, false)) return;
  blocks_.shrink_all();
  settle(payer);
}

extent block_table::extent_for(std::uint64_t chain_size, std::uint64_t begin,
                               std::uint64_t end) noexcept {
  const std::uint64_t size = std::max(chain_size, end);
  if (size == 0) return {};
  const std::uint64_t dense = blocks_for(chain_size);
  const std::uint64_t first = begin < end ? begin / block_size : dense - 1;
  // The blocks of the chain, the last in part, and those behind them that the write needs.
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

std::uint64_t block_table::blocks_for(std::uint64_t size) noexcept {
  return (size + block_size - 1) / block_size;
}

bool block_table::has_room(std::uint64_t begin, std::uint64_t end) const noexcept {
  bool has = true;
  for_each_piece(begin, end, [&](const block* b, std::size_t from, std::size_t n) {
    has = has && from + n <= room_in(b);
  });
  return has;
}

// A block that is filled piece by piece grows by doubling; one behind the first that begins at
// its start is likely to be filled.
block_table::new_blocks block_table::plan(std::uint64_t begin, std::uint64_t end, growth g) const {
  new_blocks fresh;
  std::uint64_t number = begin / block_size;
  for_each_piece(begin, end, [&](const block* b, std::size_t from, std::size_t n) {
    const std::size_t needed = from + n, has = room_in(b);
    const std::size_t likely = number > 0 && from == 0 ? block_size : std::min(block_size, 2 * has);
    if (needed > has)
      fresh.push_back({number, g == growth::exact ? needed : std::max(needed, likely), {}});
    ++number;
  });
  return fresh;
}

extent block_table::after(const new_blocks& fresh, std::uint64_t begin, std::uint64_t end,
                          const extent& base) const noexcept {
  extent now = base;
  now.footprint += blocks_.missing_footprint(begin / block_size, (end - 1) / block_size);
  for (const new_block& f : fresh) {
    if (const block* const old = blocks_.find(f.number)) now.footprint -= old->footprint();
    now.footprint += block::footprint(f.capacity);
  }
  return now;
}

// `base` is what there would be without the new blocks.
result<void> block_table::make_room(const account& payer, std::uint64_t begin, std::uint64_t end,
                                    const extent& base) try {
  reservation paid;
  extent now = base;
  // No block is looked at for a size out of all proportion to what there is.
  const bool may_have_room = end - begin <= footprint_;
  if (begin == end || (may_have_room && has_room(begin, end))) {
    BOOST_OUTCOME_TRY(paid, payer.reserve(now, extent_now()));
    BOOST_OUTCOME_TRY(payer.approve(now, extent_now()));
  } else {
    // Such a size is refused before its blocks are counted one by one.
    if (!may_have_room) {
      now.footprint += end - begin - footprint_;
      BOOST_OUTCOME_TRY(payer.require(now, extent_now()));
    }
    new_blocks fresh = plan(begin, end, growth::generous);
    now = after(fresh, begin, end, base);
    auto reserved = payer.reserve(now, extent_now());
    if (!reserved) {
      fresh = plan(begin, end, growth::exact);
      now = after(fresh, begin, end, base);
      reserved = payer.reserve(now, extent_now());
    }
    BOOST_OUTCOME_TRY(paid, std::move(reserved));
    BOOST_OUTCOME_TRY(payer.approve(now, extent_now()));
    BOOST_OUTCOME_TRY(install(fresh, begin, end));
    has_slack_ = true;
  }
  size_ = now.size;
  footprint_ = now.footprint;
  paid.commit();
  return boost::outcome_v2::success();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
} catch (const std::length_error&) {
  return errc::out_of_memory;
}

// A block that grows takes over what was in it. What is not to be filled, from `begin` to `end`,
// becomes zero.
result<void> block_table::install(new_blocks& fresh, std::uint64_t begin, std::uint64_t end) {
  for (new_block& f : fresh) {
    f.memory = block_ref(block::allocate(f.capacity));
    if (!f.memory) return errc::out_of_memory;
  }
  if (!blocks_.make_pages(fresh.front().number, fresh.back().number)) return errc::out_of_memory;
  for (new_block& f : fresh) {
    const std::uint64_t start = f.number * block_size;
    const std::size_t filled_from = std::max(begin, start) - start;
    const std::size_t filled_to =
        end > start ? std::min<std::uint64_t>(end - start, block_size) : 0;
    std::byte* const bytes = f.memory->data();
    std::size_t kept = 0;
    if (const block* const old = blocks_.find(f.number)) {
      kept = old->used;
      f.memory->used = old->used;
      std::memcpy(bytes, old->data(), kept);
    }
    if (kept < filled_from) std::memset(bytes + kept, 0, filled_from - kept);
    const std::size_t rest = std::max(kept, filled_to);
    std::memset(bytes + rest, 0, f.memory->capacity() - rest);
    blocks_.set(f.number, std::move(f.memory));
  }
  return boost::outcome_v2::success();
}

void block_table::store(std::uint64_t offset, std::span<const std::byte> from) noexcept {
  for_each_piece(offset, offset + from.size(), [&](block* b, std::size_t begin, std::size_t n) {
    std::memcpy(b->data() + begin, from.data(), n);
    b->used = std::max(b->used, static_cast<std::uint32_t>(begin + n));
    from = from.subspan(n);
  });
}

void block_table::store_zeros(std::uint64_t begin, std::uint64_t end) noexcept {
  for_each_piece(begin, end, [&](block* b, std::size_t from, std::size_t n) {
    std::memset(b->data() + from, 0, n);
    b->used = std::max(b->used, static_cast<std::uint32_t>(from + n));
  });
}

// Gives back what was paid for and has turned out not to be needed.
void block_table::settle(const account& payer) noexcept {
  extent now = extent_now();
  now.footprint = blocks_.footprint();
  payer.reserve(now, extent_now()).value().commit();
  footprint_ = now.footprint;
}

// What is left when the file is cut to `size`; as it is, if it is no longer.
extent block_table::cut_extent(std::uint64_t size) const noexcept {
  return {size, footprint_ - (size < size_ ? blocks_.footprint_from(blocks_for(size)) : 0), 0};
}

void block_table::cut(std::uint64_t size) noexcept {
  blocks_.remove_from(blocks_for(size));
  block* const last = blocks_.find(size / block_size);
  const auto end = static_cast<std::uint32_t>(size % block_size);
  if (last == nullptr || last->used <= end) return;
  std::memset(last->data() + end, 0, last->used - end);
  last->used = end;
  has_slack_ = true;
}

extent block_table::clone_extent() const noexcept {
  extent now{size_, blocks_.pages_footprint(), 0};
  blocks_.for_each(
      [&](std::uint64_t, const block& b) { now.footprint += block::footprint(b.used); });
  return now;
}

result<void> block_table::clone_room(const block_table& from) try {
  new_blocks fresh;
  from.blocks_.for_each([&](std::uint64_t number, const block& b) {
    fresh.push_back({number, b.used, {}});
  });
  for (new_block& f : fresh) {
    f.memory = block_ref(block::allocate(f.capacity));
    if (!f.memory || !blocks_.make_pages(f.number, f.number)) return errc::out_of_memory;
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
    std::memset(copy.data() + copy.used, 0, copy.capacity() - copy.used);
    number = blocks_.next(*number + 1);
  }
  return number ? *number * block_size : size_;
}

result<void> block_table::take_over(const account& payer, chain& content, std::uint64_t begin,
                                    std::uint64_t end) try {
  constexpr std::uint64_t at_once = 8;  // blocks that are there twice, half a MiB
  const std::uint64_t size = content.size();
  const std::uint64_t dense = blocks_for(size), first = begin / block_size;
  chain::dismantling source(content);
  if (!source.prepare(dense)) return errc::out_of_memory;
  BOOST_OUTCOME_TRY(add_blocks(std::max(first, dense), blocks_for(end), end));
  for (std::uint64_t done = 0; done < dense;) {
    const std::uint64_t next = std::min(done + at_once, dense);
    const auto added = add_blocks(done, next, first < dense ? std::max(size, end) : size);
    if (!added) {
      if (done == 0) return added.error();
      for (std::uint64_t i = 0; i * block_size < source.rest_begins_at(); ++i)
        source.put_back(blocks_.take(i), i * block_size);
      source.restore(payer);
      return added.error();
    }
    for_each_piece(done * block_size, std::min(next * block_size, size),
                   [&, at = done * block_size](block* b, std::size_t, std::size_t n) mutable {
                     content.read(at, {b->data(), n});
                     b->used = static_cast<std::uint32_t>(n);
                     at += n;
                   });
    source.drop_before(next * block_size);
    done = next;
  }
  size_ = std::max(size, end);
  footprint_ = blocks_.footprint();
  return boost::outcome_v2::success();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

// Blocks of zeros, full but for the last one, which ends at `stop`; all or none.
result<void> block_table::add_blocks(std::uint64_t first, std::uint64_t behind,
                                     std::uint64_t stop) {
  if (first >= behind) return boost::outcome_v2::success();
  new_blocks fresh;
  for (std::uint64_t i = first; i < behind; ++i)
    fresh.push_back({i, std::min<std::uint64_t>(stop - i * block_size, block_size), {}});
  return install(fresh, 0, 0);
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
