// SPDX-License-Identifier: BSL-1.0
#include "storage/chain.hpp"

#include "core/footprint.hpp"

#include <boost/container/small_vector.hpp>

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

result<void> chain::make_room(const account& payer, std::uint64_t offset, std::uint64_t size) {
  if (offset + size <= size_) return boost::outcome_v2::success();
  return grow(payer, offset + size);
}

result<void> chain::adopt(const account& payer, bytes& from) {
  const bool is_full = chunks_.size() == chunks_.capacity();
  extent now;
  const auto reserve = [&](std::size_t entries) {
    now = after({size_ + from.size(), chunks_.size(), 0, entries});
    now.footprint += block::adopted_footprint(from.capacity());
    ++now.chunks;
    return payer.reserve(now, extent_now());
  };
  std::size_t entries = is_full ? 2 * chunks_.capacity() : chunks_.capacity();
  auto reserved = reserve(entries);
  if (!reserved && is_full) reserved = reserve(entries = chunks_.capacity() + 1);
  BOOST_OUTCOME_TRY(auto paid, std::move(reserved));
  BOOST_OUTCOME_TRY(payer.approve(now, extent_now()));
  chunk_list grown;
  block_ref adopter(block::make_adopter());
  if (!adopter || (is_full && !grown.set_capacity(entries))) return errc::out_of_memory;
  adopter->adopt(std::move(from));
  if (is_full) replace_table(grown);
  const std::uint64_t slack = shrink_last();
  chunks_.push_back({std::move(adopter), size_});
  size_ = now.size;
  footprint_ = now.footprint;
  paid.commit();
  now.footprint -= slack;
  pay(payer, extent_now(), now);
  return boost::outcome_v2::success();
}

void chain::store_zeros(std::uint64_t begin, std::uint64_t end) noexcept {
  for_each_piece(begin, end - begin,
                 [](std::byte* piece, std::size_t n) { std::memset(piece, 0, n); });
}

result<void> chain::recreate(const account& payer, std::uint64_t size) {
  if (size > size_) return grow(payer, size);
  cut(payer, size);
  return boost::outcome_v2::success();
}

extent chain::extent_for(std::uint64_t size) noexcept {
  const chain empty;
  return size > 0 ? empty.after(empty.exact(size)) : extent{};
}

result<void> chain::clone_room(const account& prepaid, const chain& from) {
  if (from.size() == 0) return boost::outcome_v2::success();
  return grow(prepaid, from.size());
}

std::uint64_t chain::clone_bytes(const chain& from, std::uint64_t begin,
                                 std::uint64_t count) noexcept {
  for_each_piece(begin, std::min(count, size_ - begin), [&](std::byte* piece, std::size_t n) {
    begin += from.read(begin, {piece, n});
  });
  return begin;
}

void chain::trim(const account& payer) noexcept {
  extent now = extent_now();
  now.footprint -= shrink_last();
  // Where memory for a smaller table is refused, the spare entries stay, and stay paid for.
  chunk_list snug;
  if (chunks_.size() < chunks_.capacity() && snug.set_capacity(chunks_.size())) {
    now.footprint -= chunk_list::footprint(chunks_.capacity());
    now.footprint += chunk_list::footprint(snug.capacity());
    replace_table(snug);
  }
  pay(payer, extent_now(), now);
}

// Cuts the last chunk to what is in it. Returns the bytes that this gives back.
std::uint64_t chain::shrink_last() noexcept {
  if (chunks_.empty()) return 0;
  chunk& last = chunks_.back();
  const std::uint64_t before = last.memory->footprint();
  last.memory.shrink(size_ - last.begin);
  return before - last.memory->footprint();
}

std::size_t chain::find(std::uint64_t offset) const noexcept {
  const auto* const behind =
      std::upper_bound(chunks_.begin(), chunks_.end(), offset,
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
  std::uint64_t footprint = footprint_ - chunk_list::footprint(chunks_.capacity());
  for (std::size_t i = g.kept; i < chunks_.size(); ++i) footprint -= chunks_[i].memory->footprint();
  const std::uint64_t full = g.room / max_chunk, rest = g.room % max_chunk;
  footprint += full * block::footprint(max_chunk) + (rest > 0 ? block::footprint(rest) : 0);
  return {g.size, footprint + chunk_list::footprint(g.table), g.kept + g.new_chunks()};
}

// Slack gives way: only the smallest way to have the room is refused.
result<void> chain::grow(const account& payer, std::uint64_t size) {
  if (size <= end_of_room()) {
    const extent now{size, footprint_, chunks_.size()};
    BOOST_OUTCOME_TRY(auto paid, payer.reserve(now, extent_now()));
    BOOST_OUTCOME_TRY(payer.approve(now, extent_now()));
    paid.commit();
    size_ = size;
    return boost::outcome_v2::success();
  }
  growth g = generous(size);
  auto reserved = payer.reserve(after(g), extent_now());
  if (!reserved) reserved = payer.reserve(after(g = exact(size)), extent_now());
  if (!reserved) reserved = payer.reserve(after(g = gathering(size)), extent_now());
  BOOST_OUTCOME_TRY(auto paid, std::move(reserved));
  BOOST_OUTCOME_TRY(payer.approve(after(g), extent_now()));
  return apply(g, std::move(paid));
}

result<void> chain::apply(const growth& g, reservation paid) try {
  const extent now = after(g);
  const bool new_table = g.table != chunks_.capacity();
  chunk_list grown;
  if (new_table && !grown.set_capacity(g.table)) return errc::out_of_memory;
  boost::container::small_vector<block_ref, 1> fresh;
  fresh.reserve(g.new_chunks());
  for (std::uint64_t left = g.room; left > 0; left -= std::min<std::uint64_t>(left, max_chunk)) {
    fresh.emplace_back(block::allocate(std::min<std::uint64_t>(left, max_chunk)));
    if (!fresh.back()) return errc::out_of_memory;
  }
  // Nothing fails from here on.
  std::uint64_t begin = end_of_room();
  if (g.kept < chunks_.size()) {
    begin = begin_of(g.kept);
    read(begin, {fresh.front()->data(), static_cast<std::size_t>(size_ - begin)});
  }
  while (chunks_.size() > g.kept) chunks_.pop_back();
  if (new_table) replace_table(grown);
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

void chain::replace_table(chunk_list& fresh) noexcept {
  for (chunk& c : chunks_) fresh.push_back(std::move(c));
  chunks_.swap(fresh);
}

// Pays for a content that costs no more than the one before, which nothing can refuse.
void chain::pay(const account& payer, const extent& before, const extent& now) noexcept {
  payer.reserve(now, before).value().commit();
  size_ = now.size;
  footprint_ = now.footprint;
}

void chain::cut(const account& payer, std::uint64_t size) noexcept {
  const extent before = extent_now();
  extent now = before;
  now.size = size;
  while (!chunks_.empty() && chunks_.back().begin >= size) {
    now.footprint -= chunks_.back().memory->footprint();
    chunks_.pop_back();
  }
  if (chunks_.empty()) {
    chunk_list none;
    chunks_.swap(none);
    now.footprint = 0;
  }
  now.chunks = chunks_.size();
  pay(payer, before, now);
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

void chain::store(std::uint64_t offset, std::span<const std::byte> from) noexcept {
  for_each_piece(offset, from.size(), [&](std::byte* piece, std::size_t n) {
    std::memcpy(piece, from.data(), n);
    from = from.subspan(n);
  });
}

bool chain::dismantling::prepare(std::size_t pieces) noexcept {
  return put_back_.set_capacity(pieces + of_.chunks_.size());
}

void chain::dismantling::drop_before(std::uint64_t offset) noexcept {
  for (; dropped_ < of_.chunks_.size() && of_.begin_of(dropped_ + 1) <= offset; ++dropped_)
    const block_ref freed = std::move(of_.chunks_[dropped_].memory);
}

void chain::dismantling::put_back(block_ref piece, std::uint64_t begin) noexcept {
  put_back_.push_back({std::move(piece), begin});
}

void chain::dismantling::restore(const account& payer) noexcept {
  const extent before = of_.extent_now();
  for (; dropped_ < of_.chunks_.size(); ++dropped_)
    put_back_.push_back(std::move(of_.chunks_[dropped_]));
  of_.chunks_.swap(put_back_);
  extent now{of_.size_, chunk_list::footprint(of_.chunks_.capacity()), of_.chunks_.size()};
  for (const chunk& c : of_.chunks_) now.footprint += c.memory->footprint();
  if (auto paid = payer.reserve(now, before)) paid.value().commit();
  of_.footprint_ = now.footprint;
}

}  // namespace coramfs::detail
