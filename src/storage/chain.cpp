// SPDX-License-Identifier: BSL-1.0
#include "storage/chain.hpp"

#include "core/footprint.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

namespace coramfs::detail {

std::size_t chain::read(std::uint64_t offset, std::span<std::byte> to) const noexcept {
  if (offset >= size_) return 0;
  const std::size_t count = std::min<std::uint64_t>(to.size(), size_ - offset);
  std::byte* target = to.data();
  for_each_piece(offset, count, [&](const std::byte* piece, std::size_t size) {
    std::memcpy(target, piece, size);
    target += size;
  });
  return count;
}

result<void> chain::write(const account& payer, std::uint64_t offset,
                          std::span<const std::byte> from) {
  if (offset + from.size() > size_) {
    BOOST_OUTCOME_TRY(grow(payer, offset + from.size()));
  }
  copy_in(offset, from);
  return boost::outcome_v2::success();
}

result<void> chain::adopt(const account& payer, bytes& from) try {
  const growth g{size_ + from.size(), chunks_.size(), 0, exact(end_of_room() + 1).table};
  extent paid_for = after(g);
  paid_for.footprint += block::adopted_footprint(from.capacity());
  ++paid_for.chunks;
  BOOST_OUTCOME_TRY(auto paid, payer.reserve(paid_for, extent_now()));
  block_ref adopter(block::make_adopter());
  if (!adopter) return errc::out_of_memory;
  chunks_.reserve(g.table);
  adopter->adopt(std::move(from));
  chunks_.push_back({std::move(adopter), size_});
  size_ = g.size;
  footprint_ = paid_for.footprint;
  paid.commit();
  return boost::outcome_v2::success();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

result<void> chain::resize(const account& payer, std::uint64_t size) {
  if (size <= size_) {
    cut(payer, size);
    return boost::outcome_v2::success();
  }
  const std::uint64_t old_size = size_;
  BOOST_OUTCOME_TRY(grow(payer, size));
  for_each_piece(old_size, size - old_size,
                 [](std::byte* piece, std::size_t n) { std::memset(piece, 0, n); });
  return boost::outcome_v2::success();
}

result<void> chain::assign(const account& payer, std::span<const std::byte> from) {
  if (from.size() > size_) {
    BOOST_OUTCOME_TRY(grow(payer, from.size()));
  }
  copy_in(0, from);
  cut(payer, from.size());
  return boost::outcome_v2::success();
}

result<void> chain::assign_zeros(const account& payer, std::uint64_t size) {
  if (size > size_) {
    BOOST_OUTCOME_TRY(grow(payer, size));
  }
  for_each_piece(0, size, [](std::byte* piece, std::size_t n) { std::memset(piece, 0, n); });
  cut(payer, size);
  return boost::outcome_v2::success();
}

void chain::trim(const account& payer) noexcept try {
  if (chunks_.empty()) return;
  extent now = extent_now();
  chunk& last = chunks_.back();
  now.footprint -= last.memory->footprint();
  last.memory.shrink(size_ - last.begin);
  now.footprint += last.memory->footprint();
  if (chunks_.size() < chunks_.capacity()) {
    chunk_list snug;
    snug.reserve(chunks_.size());
    snug.assign(std::make_move_iterator(chunks_.begin()), std::make_move_iterator(chunks_.end()));
    now.footprint -= table_footprint(chunks_.capacity());
    now.footprint += table_footprint(snug.capacity());
    chunks_.swap(snug);
  }
  pay(payer, now);
} catch (const std::bad_alloc&) {
  // The table keeps its spare entries, which are paid for.
}

std::size_t chain::find(std::uint64_t offset) const noexcept {
  const auto behind = std::upper_bound(
      chunks_.begin(), chunks_.end(), offset,
      [](std::uint64_t value, const chunk& c) { return value < c.begin; });
  return static_cast<std::size_t>(behind - chunks_.begin()) - 1;
}

std::uint64_t chain::begin_of(std::size_t index) const noexcept {
  return index < chunks_.size() ? chunks_[index].begin : size_;
}

std::uint64_t chain::end_of_room() const noexcept {
  return chunks_.empty() ? 0 : chunks_.back().begin + chunks_.back().memory->capacity();
}

// Room for as much again as there is: a file of n bytes takes log n chunks up to `max_chunk`.
// The first chunk is only as large as what is written, for most small files are written once.
chain::growth chain::generous(std::uint64_t size) const noexcept {
  growth g = exact(size);
  g.room = std::max<std::uint64_t>(g.room, std::min<std::uint64_t>(size_, max_chunk));
  if (g.table > chunks_.capacity()) g.table = std::max(g.table, 2 * chunks_.capacity());
  return g;
}

chain::growth chain::exact(std::uint64_t size) const noexcept {
  growth g{size, chunks_.size(), size - end_of_room(), 0};
  g.table = std::max<std::size_t>(chunks_.capacity(), chunks_.size() + g.new_chunks());
  return g;
}

chain::growth chain::gathering(std::uint64_t size) const noexcept {
  std::size_t kept = chunks_.size();
  while (kept > 0 && size - begin_of(kept - 1) <= max_chunk) --kept;
  const std::uint64_t begin = kept < chunks_.size() ? begin_of(kept) : end_of_room();
  growth g{size, kept, size - begin, 0};
  g.table = kept + g.new_chunks();
  return g;
}

extent chain::after(const growth& g) const noexcept {
  std::uint64_t footprint = footprint_ - table_footprint(chunks_.capacity());
  for (std::size_t i = g.kept; i < chunks_.size(); ++i)
    footprint -= chunks_[i].memory->footprint();
  const std::uint64_t full = g.room / max_chunk, rest = g.room % max_chunk;
  footprint += full * block::footprint(max_chunk) + (rest > 0 ? block::footprint(rest) : 0);
  return {g.size, footprint + table_footprint(g.table), g.kept + g.new_chunks()};
}

// Slack gives way: only the smallest way to have the room is refused.
result<void> chain::grow(const account& payer, std::uint64_t size) {
  if (size <= end_of_room()) {
    extent now = extent_now();
    now.size = size;
    BOOST_OUTCOME_TRY(auto paid, payer.reserve(now, extent_now()));
    paid.commit();
    size_ = size;
    return boost::outcome_v2::success();
  }
  for (const growth& g : {generous(size), exact(size)})
    if (auto paid = payer.reserve(after(g), extent_now())) return apply(g, std::move(paid).value());
  const growth g = gathering(size);
  BOOST_OUTCOME_TRY(auto paid, payer.reserve(after(g), extent_now()));
  return apply(g, std::move(paid));
}

result<void> chain::apply(const growth& g, reservation paid) try {
  const extent now = after(g);
  chunk_list grown;
  const bool new_table = g.table != chunks_.capacity();
  if (new_table) grown.reserve(g.table);
  boost::container::small_vector<block_ref, 1> fresh;
  fresh.reserve(g.new_chunks());
  for (std::uint64_t left = g.room; left > 0; left -= std::min<std::uint64_t>(left, max_chunk)) {
    fresh.emplace_back(block::allocate(std::min<std::uint64_t>(left, max_chunk)));
    if (!fresh.back()) return errc::out_of_memory;
  }
  // Nothing fails from here on.
  std::uint64_t begin = g.kept < chunks_.size() ? begin_of(g.kept) : end_of_room();
  if (g.kept < chunks_.size())
    read(begin, {fresh.front()->data(), static_cast<std::size_t>(size_ - begin)});
  chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(g.kept), chunks_.end());
  if (new_table) {
    for (chunk& c : chunks_) grown.push_back(std::move(c));
    chunks_.swap(grown);
  }
  for (block_ref& b : fresh) {
    const std::size_t capacity = b->capacity();
    chunks_.push_back({std::move(b), begin});
    begin += capacity;
  }
  size_ = g.size;
  footprint_ = now.footprint;
  paid.commit();
  return boost::outcome_v2::success();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
} catch (const std::length_error&) {
  return errc::out_of_memory;
}

// Pays for a content that costs no more than the present one, which nothing can refuse.
void chain::pay(const account& payer, const extent& now) noexcept {
  payer.reserve(now, extent_now()).value().commit();
  size_ = now.size;
  footprint_ = now.footprint;
}

void chain::cut(const account& payer, std::uint64_t size) noexcept {
  extent now = extent_now();
  now.size = size;
  while (!chunks_.empty() && chunks_.back().begin >= size) {
    now.footprint -= chunks_.back().memory->footprint();
    chunks_.pop_back();
  }
  if (chunks_.empty()) {
    chunk_list().swap(chunks_);
    now.footprint = 0;
  }
  now.chunks = chunks_.size();
  pay(payer, now);
}

template <class Action>
void chain::for_each_piece(std::uint64_t offset, std::uint64_t size, Action action) const noexcept {
  if (size == 0) return;
  const std::uint64_t end = offset + size;
  for (std::size_t i = find(offset); offset < end; ++i) {
    const std::uint64_t behind = i + 1 < chunks_.size() ? chunks_[i + 1].begin : end;
    const std::size_t n = std::min(behind, end) - offset;
    action(chunks_[i].memory->data() + (offset - chunks_[i].begin), n);
    offset += n;
  }
}

void chain::copy_in(std::uint64_t offset, std::span<const std::byte> from) noexcept {
  for_each_piece(offset, from.size(), [&](std::byte* piece, std::size_t n) {
    std::memcpy(piece, from.data(), n);
    from = from.subspan(n);
  });
}

// One entry stands in the chain itself.
std::uint64_t chain::table_footprint(std::size_t entries) noexcept {
  return entries > 1 ? heap_footprint(entries * sizeof(chunk)) : 0;
}

}  // namespace coramfs::detail
