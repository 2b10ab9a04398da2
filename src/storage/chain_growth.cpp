// SPDX-License-Identifier: BSL-1.0
//
// How a chain grows: which chunks it makes anew, which longer, and what that costs.
#include "storage/chain.hpp"

#include <boost/container/small_vector.hpp>

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

namespace coramfs::detail {

// Returns how many of `room` bytes the first chunk has. A few pages and a rest are two chunks,
// where the rest takes less than a page.
std::uint64_t chain::first_of(std::uint64_t room) noexcept {
  constexpr std::uint64_t page = block_memory::page_size, few = 20 * page, worth = 128;
  const std::uint64_t pages = room / page * page, rest = room - pages;
  if (room >= max_chunk) return max_chunk;
  if (rest == 0 || pages == 0 || pages > few) return room;
  const std::uint64_t in_two = block::footprint(pages) + block::footprint(rest) + worth;
  return in_two < block::footprint(room) ? pages : room;
}

std::uint64_t chain::growth::new_chunks() const noexcept {
  const std::uint64_t full = room / max_chunk, rest = room % max_chunk;
  if (rest == 0) return full;
  return full + (first_of(rest) < rest ? 2 : 1);
}

// Fills in which chunks of a wish are pinned. Returns whether any is.
bool chain::find_pinned(wish& w) const {
  // The last chunk is written to behind its end, too.
  const std::uint64_t end = std::min(w.end, end_of_room());
  for (std::size_t i = w.begin < end ? find(w.begin) : chunks_.size();
       i < chunks_.size() && chunks_[i].begin < end; ++i) {
    const std::uint64_t from = std::max(w.begin, chunks_[i].begin) - chunks_[i].begin;
    if (!chunks_[i].memory->is_pinned_in(from, end - chunks_[i].begin)) continue;
    // Whether this is the last of the chunks that stay.
    w.last_is_pinned = begin_of(i + 1) >= w.size || i + 1 == chunks_.size();
    if (!w.last_is_pinned) w.pinned.push_back(i);
  }
  return w.last_is_pinned || !w.pinned.empty();
}

chain::growth chain::exact(const wish& w) const noexcept {
  std::size_t kept = chunks_.size();
  while (kept > 0 && chunks_[kept - 1].begin >= w.size) --kept;
  if (w.last_is_pinned) --kept;
  const std::uint64_t covered = end_of_kept(kept);
  growth g{kept, w.size > covered ? w.size - covered : 0, 0};
  g.table = std::max<std::size_t>(chunks_.capacity(), kept + g.new_chunks());
  return g;
}

// Whether a chunk that `own` bytes are in is not much larger than what comes behind it. A piece of
// a slab always is: it is copied about as fast as another one is taken.
bool chain::is_mergeable(const chunk& c, std::uint64_t own, std::uint64_t behind) noexcept {
  return own <= behind + behind / 2 || c.memory->is_small();
}

// Makes the last chunks anew where they are not much larger than what comes behind them: no more
// than `most` bytes. An adopted buffer is copied for that only where there are many chunks.
chain::growth chain::merging(const wish& w, growth g, std::uint64_t most) const noexcept {
  constexpr std::size_t many = 64;
  if (w.size <= size_ || g.room == 0) return g;
  std::uint64_t end = std::min(size_, end_of_kept(g.kept));
  for (std::uint64_t behind = w.size - end; g.kept > 0; --g.kept) {
    const chunk& last = chunks_[g.kept - 1];
    const std::uint64_t own = end - last.begin;
    if (!is_mergeable(last, own, behind) || own + behind > most || last.memory->is_pinned() ||
        (last.memory->is_adopted() && g.kept < many))
      break;
    behind += own;
    end = last.begin;
  }
  g.room = w.size - end_of_kept(g.kept);
  g.table = std::max<std::size_t>(chunks_.capacity(), g.kept + g.new_chunks());
  return g;
}

// Adds room for as much again as there is, so a file of n bytes takes log n chunks up to
// `max_chunk`. The first chunk is only as large as what is written, for most small files are
// written once.
chain::growth chain::roomy(const wish& w, growth g) const noexcept {
  if (w.size > size_ && g.room > 0) {
    const std::uint64_t copied = size_ - std::min(size_, end_of_kept(g.kept));
    const std::uint64_t likely = copied + std::min<std::uint64_t>(size_, max_chunk);
    const std::uint64_t room = copied > 0 ? std::min<std::uint64_t>(likely, max_chunk) : likely;
    // Whole pages need no chunk for a rest.
    if (room > g.room)
      g.room = room < block_memory::page_size ? room : block_memory::whole_pages(room);
  }
  g.table = std::max<std::size_t>(chunks_.capacity(), g.kept + g.new_chunks());
  if (g.table > chunks_.capacity()) g.table = std::max(g.table, 2 * chunks_.capacity());
  return g;
}

// Makes a chunk of whole pages longer where it is: the last one, or the one in front of a piece of
// a slab, whose bytes go into it. It should not become so large that it would have been merged with
// what is in front of it, or else there would be many small ones in front of large ones.
std::optional<chain::growth> chain::extending(const wish& w) const noexcept {
  if (w.size <= size_ || chunks_.empty() || charged_ != nullptr) return std::nullopt;
  std::size_t kept = chunks_.size();
  const block& last = *chunks_.back().memory;
  if (last.is_small() && !last.has_pins()) --kept;
  if (kept == 0 || w.last_is_pinned || !w.pinned.empty()) return std::nullopt;
  const chunk& longer = chunks_[kept - 1];
  const std::uint64_t bytes = w.size - longer.begin, had = longer.memory->capacity();
  if (!longer.memory->has_pages() || bytes > max_chunk) return std::nullopt;
  if (kept > 1) {
    const chunk& in_front = chunks_[kept - 2];
    const std::uint64_t own = longer.begin - in_front.begin;
    if (own + bytes <= max_chunk && is_mergeable(in_front, own, bytes)) return std::nullopt;
  }
  growth g{kept, 0, chunks_.capacity(), block_memory::whole_pages(bytes)};
  if (is_trimmed_) {
    if (const std::uint64_t pages = bytes < g.extended ? first_of(bytes) : bytes; pages < bytes) {
      g.extended = pages;
      g.room = bytes - pages;
      g.table = std::max<std::size_t>(g.table, kept + g.new_chunks());
    }
  } else {
    const std::uint64_t likely = block_memory::whole_pages(had + size_);
    g.extended = std::max(g.extended, std::min<std::uint64_t>(likely, max_chunk));
  }
  if (g.extended <= had) return std::nullopt;
  return g;
}

// Grows in that way, if the pages behind the chunk are free: it is not copied then. Returns whether
// it has: if not, nothing has changed.
result<bool> chain::extend(const account& payer, const wish& w) {
  const std::optional<growth> g = extending(w);
  if (!g) return false;
  const totals now = after(w, *g);
  auto paid = payer.reserve(now, totals_now());
  if (!paid) return false;
  result<reservation> twice = reservation();
  if (g->kept < chunks_.size()) {
    // What goes into it is there twice for a moment.
    twice = payer.reserve_beside(chunks_.back().memory->footprint());
    if (!twice) return false;
  }
  block_ref& longer = chunks_[g->kept - 1].memory;
  const std::uint64_t had = longer->capacity();
  if (!longer->extend(g->extended)) return false;
  auto made = payer.approve(now, totals_now());
  if (made && payer.has_faults()) [[unlikely]] {
    made = payer.ask_allocating(now, totals_now());
  }
  // Where it is the last one and takes all, that is all.
  const bool is_all = g->kept == chunks_.size() && g->room == 0;
  if (made && is_all) note_growth(w, now, paid.value());
  if (made && !is_all) made = apply(payer, w, *g, now, std::move(paid).value());
  if (made) return true;
  longer.shrink(had);
  return made.error();
}

// Takes chunks as growth to `size_ahead` at once would, up to the one that the write ends in.
chain::growth chain::planned(const wish& w, growth g, std::uint64_t size_ahead) const noexcept {
  if (w.size <= size_ || g.room == 0) return g;
  const growth whole{g.kept, size_ahead - end_of_kept(g.kept), 0};
  std::uint64_t room = 0;
  while (room < g.room) room += first_of(whole.room - room);
  g.room = room;
  // A list for more chunks than a terabyte has is not made ahead.
  constexpr std::uint64_t most = 1024 * 1024;
  const std::uint64_t listed = std::min(whole.new_chunks(), std::max(g.new_chunks(), most));
  g.table = std::max<std::size_t>(chunks_.capacity(), g.kept + listed);
  return g;
}

// What it amounts to when it has grown to `size_ahead` after a growth that is planned.
totals chain::after_plan(const wish& w, growth g, std::uint64_t size_ahead) const noexcept {
  wish whole = w;
  whole.size = size_ahead;
  g.room = size_ahead - end_of_kept(g.kept);
  g.table = std::max<std::size_t>(chunks_.capacity(), g.kept + g.new_chunks());
  return after(whole, g);
}

chain::growth chain::gathering(const wish& w, std::uint64_t reach) const noexcept {
  growth g = exact(w);
  while (g.kept > 0 && w.size - begin_of(g.kept - 1) <= reach) --g.kept;
  g.room = w.size - end_of_kept(g.kept);
  g.table = g.kept + g.new_chunks();
  return g;
}

// Asks about what `grant` would ask the quota for before it fails.
result<void> chain::ask_growing(const account& payer, const wish& w) const noexcept {
  const growth last_tried = w.size > size_ ? gathering(w, most_gathered) : exact(w);
  return payer.ask_reserving(after(w, last_tried), totals_now());
}

result<void> chain::ask_appending(const account& payer, std::uint64_t size) const noexcept {
  const wish w{size_, size_ + size, size_ + size};
  if (w.size > end_of_room()) return ask_growing(payer, w);
  return payer.ask_reserving({w.size, footprint_, chunks_.size()}, totals_now());
}

std::uint64_t chain::end_of_kept(std::size_t kept) const noexcept {
  return kept < chunks_.size() ? begin_of(kept) : end_of_room();
}

totals chain::after(const wish& w, const growth& g) const noexcept {
  std::uint64_t footprint = footprint_ - chunk_list::footprint(chunks_.capacity());
  for (std::size_t i = g.kept; i < chunks_.size(); ++i) footprint -= chunks_[i].memory->charged();
  for (const std::size_t i : w.pinned)
    if (i < g.kept) footprint += block::footprint(totals_of(i)) - chunks_[i].memory->charged();
  if (g.extended > 0) footprint += g.extended - chunks_[g.kept - 1].memory->capacity();
  if (const std::uint64_t full = g.room / max_chunk; full > 0)
    footprint += full * block::footprint(max_chunk);
  if (const std::uint64_t rest = g.room % max_chunk; rest > 0) {
    const std::uint64_t first = first_of(rest);
    footprint += block::footprint(first);
    if (rest > first) footprint += block::footprint(rest - first);
  }
  return {w.size, footprint + chunk_list::footprint(g.table), g.kept + g.new_chunks()};
}

// Asks for room to grow first, and then for less and less: at last the last chunks are gathered, so
// that slack is not the reason for a refusal.
result<void> chain::grant(const account& payer, wish w) try {
  if (!find_pinned(w) && w.size <= end_of_room()) {
    if (w.size <= size_) {
      if (charged_ != nullptr) settle(payer, totals_now());
      return boost::outcome_v2::success();
    }
    const totals now{w.size, footprint_, chunks_.size()};
    if (payer.has_faults()) [[unlikely]] {
      BOOST_OUTCOME_TRY(payer.ask_reserving(now, totals_now()));
    }
    BOOST_OUTCOME_TRY(auto paid, payer.reserve(now, totals_now()));
    BOOST_OUTCOME_TRY(payer.approve(now, totals_now()));
    paid.commit();
    charged_.reset();
    size_ = w.size;
    return boost::outcome_v2::success();
  }
  if (payer.has_faults()) [[unlikely]] {
    BOOST_OUTCOME_TRY(ask_growing(payer, w));
  }
  const std::uint64_t ahead = payer.size_ahead();
  const bool is_planned = w.size <= ahead;
  if (!is_planned && !payer.is_funded()) {
    BOOST_OUTCOME_TRY(const bool has_extended, extend(payer, w));
    if (has_extended) return boost::outcome_v2::success();
  }
  const growth least = exact(w);
  // What is merged is there twice for a moment. Where little is left, little is merged.
  std::uint64_t most = max_chunk;
  if (least.kept > 0 && payer.counts_memory()) most = std::min(most, payer.limits().left() / 2);
  growth merged = merging(w, least, most);
  if (is_planned && merged.kept < least.kept && !payer.has_paid(after_plan(w, merged, ahead)))
    merged = least;
  result<reservation> twice = reservation();
  if (merged.kept < least.kept) {
    twice = payer.reserve_beside(end_of_kept(least.kept) - end_of_kept(merged.kept));
    if (!twice) merged = least;
  }
  growth g = is_planned ? planned(w, merged, ahead) : is_trimmed_ ? merged : roomy(w, merged);
  totals now;
  const auto reserve = [&](const growth& wanted) {
    now = after(w, g = wanted);
    return payer.reserve(now, totals_now());
  };
  auto reserved = reserve(g);
  if (!reserved) reserved = reserve(merged);
  if (!reserved && merged.kept < least.kept) {
    twice = reservation();
    reserved = reserve(least);
  }
  for (const std::uint64_t reach : {max_chunk, most_gathered}) {
    if (reserved || w.size <= size_) break;
    const growth gathered = gathering(w, reach);
    settle_pins(end_of_kept(gathered.kept), size_);
    reserved = reserve(gathered);
  }
  BOOST_OUTCOME_TRY(auto paid, std::move(reserved));
  BOOST_OUTCOME_TRY(payer.approve(now, totals_now()));
  if (payer.has_faults()) [[unlikely]] {
    BOOST_OUTCOME_TRY(payer.ask_allocating(now, totals_now()));
  }
  return apply(payer, w, g, now, std::move(paid));
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
} catch (const std::length_error&) {
  return errc::out_of_memory;
}

result<void> chain::apply(const account& payer, const wish& w, const growth& g, const totals& now,
                          reservation paid) {
  const bool new_table = g.table != chunks_.capacity();
  chunk_list grown;
  if (new_table && !grown.set_capacity(payer.blocks(), g.table)) return errc::out_of_memory;
  boost::container::small_vector<block_ref, 1> fresh, copies;
  const auto make = [&](auto& in, std::uint64_t capacity, std::uint64_t likely = 0) {
    in.emplace_back(block::allocate(payer.blocks(), payer.owner(), capacity, likely));
    return static_cast<bool>(in.back());
  };
  copies.reserve(w.pinned.size());
  for (const std::size_t i : w.pinned)
    if (i < g.kept && !make(copies, totals_of(i))) return errc::out_of_memory;
  fresh.reserve(g.new_chunks());
  // Where no room is made for what comes next, the pages behind a chunk may be it.
  const std::uint64_t likely = is_trimmed_ ? std::min<std::uint64_t>(g.room + size_, max_chunk) : 0;
  for (std::uint64_t left = g.room; left > 0; left -= first_of(left))
    if (!make(fresh, first_of(left), likely)) return errc::out_of_memory;
  // Nothing fails from here on.
  for (std::size_t i = 0; i < copies.size(); ++i) {
    chunk& c = chunks_[w.pinned[i]];
    std::memcpy(copies[i]->data(), c.memory->data(), totals_of(w.pinned[i]));
    copies[i]->place = c.begin;
    c.memory = std::move(copies[i]);
  }
  std::uint64_t begin = end_of_kept(g.kept);
  if (g.extended > 0) {
    // It is so long already, and what is behind it is not in it yet.
    const chunk& longer = chunks_[g.kept - 1];
    const std::uint64_t merged = std::min(size_, begin);
    begin = longer.begin + g.extended;
    if (g.kept < chunks_.size())
      read(merged, {longer.memory->data() + (merged - longer.begin), begin - merged});
  }
  for (std::uint64_t at = begin; const block_ref& b : fresh)
    at += read(at, {b->data(), b->capacity()});
  while (chunks_.size() > g.kept) chunks_.pop_back();
  if (new_table) replace_table(grown);
  for (block_ref& b : fresh) {
    const std::size_t capacity = b->capacity();
    chunks_.push_back({std::move(b), begin});
    begin += capacity;
  }
  note_growth(w, now, paid);
  return boost::outcome_v2::success();
}

void chain::note_growth(const wish& w, const totals& now, reservation& paid) noexcept {
  size_ = w.size;
  footprint_ = now.footprint;
  note_change();
  paid.commit();
  charged_.reset();
}

}  // namespace coramfs::detail
