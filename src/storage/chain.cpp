// SPDX-License-Identifier: BSL-1.0
#include "storage/chain.hpp"

#include "storage/adopted_buffer.hpp"
#include "storage/loan_maker.hpp"

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
  if (count == 0) return 0;
  const std::size_t first = find(offset);
  if (is_in_one(first, offset + count)) {
    std::memcpy(to.data(), chunks_[first].memory->data() + (offset - chunks_[first].begin), count);
    return count;
  }
  std::byte* target = to.data();
  for_each_piece(offset, count, [&](const std::byte* piece, std::size_t size) {
    std::memcpy(target, piece, size);
    target += size;
  });
  return count;
}

result<void> chain::make_room(const account& payer, std::uint64_t offset, std::uint64_t size) {
  return grant(payer, {offset, offset + size, std::max(size_, offset + size)});
}

result<void> chain::adopt(const account& payer, bytes& from) try {
  const std::size_t slices = adopted_buffer::count_slices(from);
  const std::size_t needed = chunks_.size() + slices;
  const bool is_full = needed > chunks_.capacity();
  std::size_t table = is_full ? std::max(needed, 2 * chunks_.capacity()) : chunks_.capacity();
  auto reserved = payer.reserve(after_adopting(from, table), totals_now());
  if (!reserved && is_full)
    reserved = payer.reserve(after_adopting(from, table = needed), totals_now());
  const totals now = after_adopting(from, table);
  BOOST_OUTCOME_TRY(auto paid, std::move(reserved));
  BOOST_OUTCOME_TRY(payer.approve(now, totals_now()));
  if (payer.has_faults()) [[unlikely]] {
    BOOST_OUTCOME_TRY(payer.ask_allocating(now, totals_now()));
  }
  chunk_list grown;
  if (is_full && !grown.set_capacity(payer.blocks(), table)) return errc::out_of_memory;
  boost::container::small_vector<block_ref, 1> made;
  made.reserve(slices);
  for (std::size_t i = 0; i < slices; ++i) {
    made.emplace_back(block::make_slice(payer.blocks(), payer.owner()));
    if (!made.back()) return errc::out_of_memory;
  }
  const std::uint64_t foreign = adopted_buffer::foreign_bytes(from);
  if (!payer.blocks().add_foreign(foreign)) return errc::out_of_memory;
  adopted_buffer* const buffer = adopted_buffer::make(payer.blocks(), slices);
  if (buffer == nullptr) {
    payer.blocks().drop_foreign(foreign);
    return errc::out_of_memory;
  }
  // Nothing fails from here on.
  buffer->adopt(std::move(from));
  bytes& content = buffer->content();
  if (is_full) replace_table(grown);
  const std::uint64_t slack = shrink_last();
  if (!chunks_.empty() && chunks_.back().memory->would_shrink(size_ - chunks_.back().begin))
    note_inner_slack(chunks_.size() - 1);
  std::size_t at = 0;
  for (block_ref& slice : made) {
    const std::size_t end = adopted_buffer::end_of_slice(content, at);
    slice->become_slice(*buffer, content.data() + at, end - at,
                        adopted_buffer::taken_by_slice(content, at));
    chunks_.push_back({std::move(slice), size_ + at});
    at = end;
  }
  size_ = now.size;
  paid.commit();
  charged_.reset();
  note_change();
  footprint_ = now.footprint - slack;
  settle(payer, now);
  return boost::outcome_v2::success();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

totals chain::after_adopting(const bytes& from, std::size_t table) const noexcept {
  return {size_ + from.size(),
          footprint_ - chunk_list::footprint(chunks_.capacity()) + chunk_list::footprint(table) +
              adopted_buffer::footprint(from),
          chunks_.size() + adopted_buffer::count_slices(from)};
}

void chain::store_zeros(std::uint64_t begin, std::uint64_t end) noexcept {
  for_each_piece(begin, end - begin,
                 [](std::byte* piece, std::size_t n) { std::memset(piece, 0, n); });
}

result<void> chain::recreate(const account& payer, std::uint64_t size) {
  BOOST_OUTCOME_TRY(grant(payer, {0, size, size}));
  cut(payer, size);
  return boost::outcome_v2::success();
}

totals chain::totals_for(std::uint64_t size) noexcept {
  if (size == 0) return {};
  const chain empty;
  const wish w{0, size, size};
  return empty.after(w, empty.exact(w));
}

totals chain::totals_grown_to(std::uint64_t size) const noexcept {
  if (size <= size_) return totals_now();
  // Where chunks that are there are cut away, others may take their place that are rounded
  // otherwise: by less than a page, for all but the last are as large as they can be.
  const std::uint64_t rounding = chunks_.empty() ? 0 : block_memory::page_size;
  const wish w{size_, size, size};
  totals then = after(w, exact(w));
  then.footprint += rounding;
  return then;
}

result<void> chain::clone_room(const account& prepaid, const chain& from) {
  if (from.size() == 0) return boost::outcome_v2::success();
  return grant(prepaid, {0, from.size(), from.size()});
}

std::uint64_t chain::clone_bytes(const chain& from, std::uint64_t begin,
                                 std::uint64_t count) noexcept {
  for_each_piece(begin, std::min(count, size_ - begin), [&](std::byte* piece, std::size_t n) {
    begin += from.read(begin, {piece, n});
  });
  return begin;
}

totals chain::share_totals() const noexcept {
  if (size_ == 0) return {};
  return {size_, chunks_.size() * block::loan_footprint() + chunk_list::footprint(chunks_.size()),
          chunks_.size()};
}

bool chain::share(block_memory& memory, const chain& from, loan_maker& loans) noexcept {
  if (from.size() == 0) return true;
  if (!chunks_.set_capacity(memory, from.chunks_.size())) return false;
  for (std::size_t i = 0; i < from.chunks_.size(); ++i) {
    const chunk& c = from.chunks_[i];
    block_ref loan(loans.take(*c.memory, from.totals_of(i)));
    if (!loan) return false;
    chunks_.push_back({std::move(loan), c.begin});
  }
  size_ = from.size_;
  footprint_ = share_totals().footprint;
  return true;
}

void chain::replace_shared(std::uint64_t place, block_ref by, std::size_t) noexcept {
  by->place = place;
  chunks_[find(place)].memory = std::move(by);
}

void chain::set_paid(const totals& now) noexcept {
  footprint_ = chunk_list::footprint(chunks_.capacity());
  for (const chunk& c : chunks_) footprint_ += c.memory->charged();
  if (charged_ != nullptr) charged_->footprint = now.footprint;
  if (now.footprint == footprint_ && now.chunks == chunks_.size()) charged_.reset();
  note_change();
}

// A chain that is charged otherwise than for what it takes has no charge to add one to. What the
// lender had behind the bytes that were lent stays only in the last chunk, for what may follow.
void chain::take_over(storage& owner, std::uint64_t begin, std::uint64_t end) noexcept {
  if (charged_ != nullptr) return;
  for (std::size_t i = begin < end_of_room() ? find(begin) : chunks_.size();
       i < chunks_.size() && chunks_[i].begin < end; ++i) {
    block_ref& place = chunks_[i].memory;
    if (!place->is_loan()) continue;
    const std::uint64_t before = place->charged();
    block* const lender = place->take_over(&owner);
    if (lender == nullptr) continue;
    place.release();
    place = block_ref(lender);
    if (i + 1 < chunks_.size()) {
      const std::uint64_t had = place->charged();
      place.shrink(totals_of(i));
      place->home().give_back(had - place->charged());
      if (place->would_shrink(totals_of(i))) note_inner_slack(i);
    }
    footprint_ += place->charged() - before;
    note_change();
  }
}

void chain::trim(const account& payer) noexcept {
  is_trimmed_ = is_trimmed_ || is_snug();
  if (is_trimmed_) return;
  const stretch inner = settle_inner();
  const totals before = totals_now();
  shrink_inner(inner);
  // Where memory was refused nothing is moved for it at each close.
  const bool may_take = !was_refused_ || payer.blocks().has_room(small_memory::slab_size);
  if (may_take) split_last(payer);
  footprint_ -= shrink_last();
  if (may_take) trim_table(payer.blocks());
  if (charged_ != nullptr || footprint_ != before.footprint || chunks_.size() != before.chunks)
    settle(payer, before);
  is_trimmed_ = charged_ == nullptr && !may_be_cut_later();
  was_refused_ = is_refused_trimming();
}

// Whether it can be told at once that there is nothing to give back, as of a file that has grown by
// whole pages since it was trimmed.
bool chain::is_snug() const noexcept {
  if (charged_ != nullptr || slack_count_ != 0 || chunks_.empty()) return false;
  const chunk& last = chunks_.back();
  return last.memory->capacity() == size_ - last.begin && !last.memory->has_pins() &&
         !last.memory->is_adopted() && kept_entries() >= chunks_.capacity();
}

// Whether there is what a trim gives back: chunks were pinned, or memory was refused.
bool chain::may_be_cut_later() const noexcept {
  if (chunks_.empty()) return false;
  const block& last = *chunks_.back().memory;
  return slack_count_ != 0 || last.has_pins() || last.would_shrink(size_ - chunks_.back().begin) ||
         kept_of_last() != 0 || kept_entries() < chunks_.capacity();
}

// Whether the last chunk could be split, or the table be smaller, were there memory.
bool chain::is_refused_trimming() const noexcept {
  if (is_trimmed_ || chunks_.empty()) return false;
  return kept_entries() < chunks_.capacity() ||
         (kept_of_last() != 0 && !chunks_.back().memory->has_pins());
}

chain::stretch chain::inner_slack() const noexcept {
  const std::size_t end = chunks_.empty() ? 0 : chunks_.size() - 1;
  const std::size_t first = std::min<std::size_t>(slack_first_, end);
  return {first, slack_count_ == uncounted ? end : std::min(first + slack_count_, end)};
}

void chain::set_inner_slack(const stretch& s) noexcept {
  slack_first_ = static_cast<std::uint32_t>(s.first);
  slack_count_ = static_cast<std::uint16_t>(std::min<std::size_t>(s.behind - s.first, uncounted));
}

void chain::note_inner_slack(std::size_t index) noexcept {
  const stretch s = inner_slack();
  const bool is_only_one = s.first == s.behind;
  set_inner_slack(is_only_one ? stretch{index, index + 1}
                              : stretch{std::min(s.first, index), std::max(s.behind, index + 1)});
}

// Settles the pins of those that `shrink_inner` looks at. Others have their turn when the first of
// these have no room left: a close takes no longer in a long file.
chain::stretch chain::settle_inner() noexcept {
  constexpr std::size_t few = 16;
  stretch s = inner_slack();
  s.behind = std::min(s.behind, s.first + few);
  if (s.first < s.behind) settle_pins(begin_of(s.first), begin_of(s.behind));
  return s;
}

// Cuts chunks in front of the last one that could not be cut when others came behind them.
void chain::shrink_inner(const stretch& looked_at) noexcept {
  set_inner_slack({looked_at.behind, inner_slack().behind});
  for (std::size_t i = looked_at.behind; i-- > looked_at.first;) {
    block_ref& b = chunks_[i].memory;
    if (!b->would_shrink(totals_of(i))) continue;
    const std::uint64_t had = b->charged();
    b.shrink(totals_of(i));
    footprint_ -= had - b->charged();
    if (b->would_shrink(totals_of(i))) note_inner_slack(i);
  }
}

// How many entries of the table a trim leaves. A long table keeps some that are spare: to make it
// anew takes as long as the chain is, and would come with each little that is appended.
std::size_t chain::kept_entries() const noexcept {
  constexpr std::size_t is_short = 64;
  const std::size_t n = chunks_.size();
  return n <= is_short ? std::max<std::size_t>(n, 1) : n + n / 8;
}

// Gives back spare entries of the table. Where memory for a smaller one is refused they stay, and
// stay paid for.
void chain::trim_table(block_memory& memory) noexcept {
  chunk_list snug;
  if (kept_entries() >= chunks_.capacity() || !snug.set_capacity(memory, kept_entries())) return;
  footprint_ -= chunk_list::footprint(chunks_.capacity());
  footprint_ += chunk_list::footprint(snug.capacity());
  replace_table(snug);
}

// Cuts the last chunk to what is in it. Returns the bytes that this gives back.
std::uint64_t chain::shrink_last() noexcept {
  if (chunks_.empty()) return 0;
  chunk& last = chunks_.back();
  // A slice of a moved-in buffer may have slack beside its capacity.
  if (!last.memory->is_adopted() && last.memory->capacity() == size_ - last.begin) return 0;
  const std::uint64_t before = last.memory->charged();
  last.memory.shrink(size_ - last.begin);
  return before - last.memory->charged();
}

// How many of the last chunk's bytes stay in it where the rest takes less in one of its own, with
// an entry for that. 0: all stay.
std::uint64_t chain::kept_of_last() const noexcept {
  const chunk& last = chunks_.back();
  const std::uint64_t bytes = size_ - last.begin, kept = first_of(bytes);
  if (kept == bytes || last.memory->capacity() <= kept || last.memory->is_adopted()) return 0;
  const bool is_full = chunks_.size() == chunks_.capacity();
  const std::uint64_t table = chunk_list::footprint(chunks_.capacity());
  const std::uint64_t new_table = is_full ? chunk_list::footprint(chunks_.size() + 1) : table;
  const std::uint64_t in_two = block::footprint(kept) + block::footprint(bytes - kept);
  return in_two + new_table < last.memory->footprint() + table ? kept : 0;
}

// Gives the last chunk's bytes two chunks, where they take less. The chunk stays where memory is
// refused.
void chain::split_last(const account& payer) noexcept {
  if (chunks_.empty() || chunks_.back().memory->is_pinned()) return;
  const std::uint64_t kept = kept_of_last();
  if (kept == 0) return;
  chunk& last = chunks_.back();
  const std::uint64_t behind = size_ - last.begin - kept, begin = last.begin + kept;
  const bool is_full = chunks_.size() == chunks_.capacity();
  chunk_list grown;
  if (is_full && !grown.set_capacity(payer.blocks(), chunks_.size() + 1)) return;
  block_ref rest(block::allocate(payer.blocks(), payer.owner(), behind));
  if (!rest) return;
  const std::uint64_t had = last.memory->charged();
  std::memcpy(rest->data(), last.memory->data() + kept, behind);
  last.memory.shrink(kept);
  if (last.memory->charged() == had) return;  // memory was refused, and all is in it still
  footprint_ -= had + chunk_list::footprint(chunks_.capacity());
  footprint_ += last.memory->charged() + rest->charged();
  if (is_full) replace_table(grown);
  footprint_ += chunk_list::footprint(chunks_.capacity());
  chunks_.push_back({std::move(rest), begin});
}

std::size_t chain::find(std::uint64_t offset) const noexcept {
  if (chunks_.size() == 1) return 0;
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

std::uint64_t chain::totals_of(std::size_t index) const noexcept {
  return begin_of(index + 1) - chunks_[index].begin;
}

bool chain::settle_pins(std::uint64_t begin, std::uint64_t end) noexcept {
  bool any = false;
  for (std::size_t i = begin < end_of_room() ? find(begin) : chunks_.size();
       i < chunks_.size() && chunks_[i].begin < end; ++i) {
    block& b = *chunks_[i].memory;
    if (!b.is_pinned() && !b.has_charge()) continue;
    const std::uint64_t before = b.charged();
    // The pins can not take over more than the file was charged.
    if (charged_ == nullptr || charged_->footprint >= before) b.settle_charge();
    footprint_ += b.charged() - before;
    if (charged_ != nullptr) charged_->footprint += b.charged() - before;
    any = any || b.is_pinned();
  }
  return any;
}

void chain::replace_table(chunk_list& fresh) noexcept {
  for (chunk& c : chunks_) fresh.push_back(std::move(c));
  chunks_.swap(fresh);
}

// Charges what the chain takes by now, which is no more than it took before. That can only be
// refused where the chain takes more than it was charged for; its charge stays then.
void chain::settle(const account& payer, const totals& before) noexcept {
  auto paid = payer.reserve(taken(), before);
  if (paid) {
    charged_.reset();
  } else {
    paid = payer.reserve(totals_now(), before);
  }
  paid.value().commit();
}

void chain::cut(const account& payer, std::uint64_t size) noexcept {
  const totals before = totals_now();
  size_ = size;
  note_change();
  while (!chunks_.empty() && chunks_.back().begin >= size) {
    footprint_ -= chunks_.back().memory->charged();
    chunks_.pop_back();
  }
  if (chunks_.empty()) {
    chunk_list none;
    chunks_.swap(none);
    footprint_ = 0;
    slack_count_ = 0;
  }
  settle(payer, before);
}

void chain::list_pieces(std::uint64_t begin, std::uint64_t end, pieces& to) const {
  for (std::size_t i = begin < end ? find(begin) : 0; begin < end; ++i) {
    const std::uint64_t n = std::min(begin_of(i + 1), end) - begin;
    block& b = *chunks_[i].memory;
    to.push_back({b.data() + (begin - chunks_[i].begin), n, &b});
    begin += n;
  }
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

bool chain::overwrite(std::uint64_t offset, std::span<const std::byte> from) noexcept {
  if (charged_ != nullptr || offset >= size_ || from.size() > size_ - offset) return false;
  const std::size_t i = find(offset);
  if (!is_in_one(i, offset + from.size())) return false;
  chunks_[i].memory->store(offset - chunks_[i].begin, from.data(), from.size(), from.size());
  return true;
}

void chain::store(std::uint64_t offset, std::span<const std::byte> from) noexcept {
  const std::uint64_t end = offset + from.size();
  for (std::size_t i = offset < end ? find(offset) : 0, done = 0; offset < end; ++i) {
    const std::uint64_t behind = i + 1 < chunks_.size() ? chunks_[i + 1].begin : end;
    const std::size_t n = std::min(behind, end) - offset;
    chunks_[i].memory->store(offset - chunks_[i].begin, from.data() + done, n, from.size());
    offset += n;
    done += n;
  }
}

bool chain::dismantling::prepare(block_memory& memory, std::size_t count) noexcept {
  void* const piece = memory.small().take(sizeof(totals), small_memory::use::fixed);
  if (piece != nullptr) charged_.reset(new (piece) totals);
  return charged_ != nullptr && put_back_.set_capacity(memory, count + of_.chunks_.size());
}

void chain::dismantling::drop_before(std::uint64_t offset) noexcept {
  for (; dropped_ < of_.chunks_.size() && of_.begin_of(dropped_ + 1) <= offset; ++dropped_) {
    const block_ref freed = std::move(of_.chunks_[dropped_].memory);
    had_loans_ |= freed->is_loan();
  }
}

void chain::dismantling::put_back(block_ref piece, std::uint64_t begin) noexcept {
  put_back_.push_back({std::move(piece), begin});
}

std::uint64_t chain::dismantling::restore(std::uint64_t paid) noexcept {
  if (dropped_ == 0) return 0;
  *charged_ = of_.totals_now();
  of_.charged_ = std::move(charged_);
  of_.note_change();
  if (of_.slack_count_ != 0) of_.set_inner_slack({0, uncounted});  // they have other places
  for (; dropped_ < of_.chunks_.size(); ++dropped_)
    put_back_.push_back(std::move(of_.chunks_[dropped_]));
  of_.chunks_.swap(put_back_);
  of_.footprint_ = chunk_list::footprint(of_.chunks_.capacity());
  for (const chunk& c : of_.chunks_) of_.footprint_ += c.memory->charged();
  if (!had_loans_) return 0;
  const std::uint64_t charged = of_.charged_->footprint;
  const std::uint64_t more = std::min(paid, of_.footprint_ - std::min(of_.footprint_, charged));
  of_.charged_->footprint += more;
  return more;
}

}  // namespace coramfs::detail
