// SPDX-License-Identifier: BSL-1.0
#include "tree/flow.hpp"

#include "storage/backlog.hpp"
#include "tree/node.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

namespace coramfs::detail {

namespace {

void pin(const piece& p) noexcept {
  if (p.owner == nullptr) return;
  const auto begin = static_cast<std::size_t>(p.data - p.owner->data());
  p.owner->pin(begin, begin + static_cast<std::size_t>(p.size));
}

void unpin(const piece& p) noexcept {
  if (p.owner != nullptr) p.owner->unpin();
}

}  // namespace

/// Some of the listed bytes. The last entry of the list may be replaced at any time, so what is of
/// that is pinned here; all others stay for as long as the flow does.
struct flow::part {
  part() noexcept = default;
  part(const part&) = delete;
  part& operator=(const part&) = delete;
  ~part() {
    if (last != nullptr) last->unpin();
  }
  std::span<const piece> view() const noexcept { return {all.data(), count}; }

  std::array<piece, most_at_once> all;
  std::size_t count = 0;
  block* last = nullptr;  // pinned, if it is among them
};

flow_ref flow::make(on_abandon then) noexcept { return flow_ref(new (std::nothrow) flow(then)); }

flow_ref flow::share() noexcept {
  references_.fetch_add(1, std::memory_order_relaxed);
  return flow_ref(this);
}

flow::~flow() {
  backlog given_up;
  {
    const backlog::collecting collected(given_up);
    for (const entry& e : entries_) unpin(e.bytes);
  }
  given_up.free_some();
}

void flow_ref::drop() noexcept {
  flow* const f = std::exchange(flow_, nullptr);
  if (f->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete f;
}

// The content may be in any number of pieces, so they are counted.
result<void> flow::begin(const storage& content) noexcept try {
  if (content.size() == 0) return boost::outcome_v2::success();
  content.list_pieces(0, content.size(), fresh_);
  make_entries(fresh_.size());
  content.expect_pins();
  show();
  return boost::outcome_v2::success();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
} catch (const std::length_error&) {
  return errc::out_of_memory;
}

// The last entry is listed anew with what comes behind it.
result<void> flow::expect(std::uint64_t bytes) noexcept try {
  const std::size_t most = 1 + storage::most_pieces(static_cast<std::size_t>(bytes));
  fresh_.reserve(most);
  make_entries(most);
  return boost::outcome_v2::success();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
} catch (const std::length_error&) {
  return errc::out_of_memory;
}

// Throws `std::bad_alloc`, and `std::length_error`.
void flow::make_entries(std::size_t more) {
  if (more <= entries_.capacity() - entries_.size()) return;
  std::vector<entry> grown;
  grown.reserve(std::max(entries_.size() + more, 2 * entries_.capacity()));
  grown.assign(entries_.begin(), entries_.end());
  const std::lock_guard lock(mutex_);
  entries_.swap(grown);
}

void flow::publish(const storage& content) noexcept {
  if (content.size() == committed_) return;
  [[maybe_unused]] const std::size_t expected = fresh_.capacity();
  fresh_.clear();
  content.list_pieces(entries_.empty() ? 0 : entries_.back().begin, content.size(), fresh_);
  assert(fresh_.capacity() == expected);
  content.expect_pins();
  show();
}

// Puts what is listed anew into the place of the last entry.
void flow::show() noexcept {
  const entry last = entries_.empty() ? entry{} : entries_.back();
  for (const piece& p : fresh_) detail::pin(p);
  {
    admission served;
    const std::lock_guard lock(mutex_);
    if (!entries_.empty()) entries_.pop_back();
    assert(fresh_.size() <= entries_.capacity() - entries_.size());
    std::uint64_t begin = last.begin;
    for (const piece& p : fresh_) {
      entries_.push_back({begin, p});
      begin += p.size;
    }
    committed_ = begin;
    serve(served);
  }
  unpin(last.bytes);
}

void flow::announce(std::uint64_t size) noexcept {
  const std::lock_guard lock(mutex_);
  announced_ = size;
}

void flow::end(follow_state how, const error& why) noexcept {
  admission served;
  const std::lock_guard lock(mutex_);
  state_ = how;
  why_ = why;
  serve(served);
  serve_watchers(served);
}

// An empty reference if there are too many followers.
flow_ref flow::join(std::uint32_t most, admission& told) noexcept {
  const std::lock_guard lock(mutex_);
  if (followers_ >= std::min(most, most_followers)) return {};
  ++followers_;
  ++joins_;
  serve_watchers(told);
  return share();
}

void flow::leave() noexcept {
  admission told;
  const std::lock_guard lock(mutex_);
  --followers_;
  serve_watchers(told);
}

joined_flow::joined_flow(flow& of, std::uint32_t most, admission& told) noexcept
    : flow_(of.join(most, told)) {}

void joined_flow::leave() noexcept {
  flow_->leave();
  flow_.reset();
}

flow::standing flow::look() const noexcept {
  const std::lock_guard lock(mutex_);
  return {committed_, state_, why_};
}

std::optional<std::uint64_t> flow::announced() const noexcept {
  const std::lock_guard lock(mutex_);
  return announced_;
}

result<piece_list> flow::pin(std::uint64_t from, std::uint64_t at_most, life_hold alive) noexcept {
  part taken;
  take(from, at_most, taken);
  return piece_list::pin(taken.view(), std::move(alive));
}

std::size_t flow::read(std::uint64_t from, std::span<std::byte> to) noexcept {
  std::size_t count = 0;
  for (;;) {
    part taken;
    take(from + count, to.size() - count, taken);
    if (taken.count == 0) return count;
    for (const piece& p : taken.view()) {
      const auto n = static_cast<std::size_t>(p.size);
      if (p.data != nullptr) {
        std::memcpy(to.data() + count, p.data, n);
      } else {
        std::memset(to.data() + count, 0, n);
      }
      count += n;
    }
  }
}

bool flow::take_runs(piece& p, std::size_t& taken) noexcept {
  constexpr std::uint64_t run = piece_list::zeros_at_once;
  const std::size_t left = most_at_once - taken;
  if (left == 0) return false;
  if (p.data == nullptr) p.size = std::min(p.size, left * run);
  taken += p.data != nullptr ? 1 : static_cast<std::size_t>((p.size + run - 1) / run);
  return true;
}

// What is of a block that has a pin already can be pinned by anybody, at any time.
void flow::take(std::uint64_t from, std::uint64_t at_most, part& to) noexcept {
  const std::lock_guard lock(mutex_);
  if (from >= committed_ || at_most == 0) return;
  const std::uint64_t end = from + std::min(at_most, committed_ - from);
  auto at = std::upper_bound(entries_.begin(), entries_.end(), from,
                             [](std::uint64_t offset, const entry& e) { return offset < e.begin; });
  std::size_t runs = 0;
  for (--at; from < end; ++at) {
    const std::uint64_t skipped = from - at->begin;
    piece p = at->bytes;
    if (p.data != nullptr) p.data += skipped;
    p.size = std::min(p.size - skipped, end - from);
    if (!take_runs(p, runs)) return;
    to.all[to.count++] = p;
    from += p.size;
    if (at + 1 != entries_.end()) continue;
    detail::pin(p);
    to.last = p.owner;
  }
}

bool flow::enqueue(waiter& w, std::uint64_t offset) noexcept {
  const std::lock_guard lock(mutex_);
  if (has_ended() || offset <= committed_) return true;
  queue_.insert_by_want(w, offset);
  return false;
}

bool flow::withdraw(waiter& w) noexcept {
  const std::lock_guard lock(mutex_);
  return queue_.remove(w);
}

// Under the mutex.
void flow::serve(admission& served) noexcept {
  while (!queue_.empty() && (has_ended() || queue_.head_wants() <= committed_))
    queue_.admit_head(served);
}

void flow::begin_flight(flow_owner& by) noexcept {
  const std::lock_guard lock(mutex_);
  owner_ = &by;
}

void flow::end_flight() noexcept {
  admission told;
  const std::lock_guard lock(mutex_);
  owner_ = nullptr;
  serve_watchers(told);
}

void flow::give_to_owner(open_file& orphan) noexcept {
  const std::lock_guard lock(mutex_);
  if (flies()) owner_->take_over(orphan);
}

bool flow::is_in_flight() const noexcept {
  const std::lock_guard lock(mutex_);
  return flies();
}

std::uint64_t flow::joins() const noexcept {
  const std::lock_guard lock(mutex_);
  return joins_;
}

bool flow::is_alone_since(std::uint64_t joins) const noexcept {
  const std::lock_guard lock(mutex_);
  return flies() && followers_ == 0 && joins_ == joins;
}

bool flow::watch(waiter& w, bool until_alone) noexcept {
  const std::lock_guard lock(mutex_);
  if (!flies() || (followers_ == 0) == until_alone) return true;
  watchers_.append(w, until_alone ? 1 : 0);
  return false;
}

bool flow::stop_watching(waiter& w) noexcept {
  const std::lock_guard lock(mutex_);
  return watchers_.remove(w);
}

// Under the mutex. There is one at most: what watches the flight.
void flow::serve_watchers(admission& served) noexcept {
  while (!watchers_.empty() && (!flies() || (followers_ == 0) == (watchers_.head_wants() == 1)))
    watchers_.admit_head(served);
}

void flow_table::add(flow& f, file_node& of) noexcept {
  f.file_.store(&of, std::memory_order_relaxed);
  of.is_followable = true;
  flows_.insert(f);
}

void flow_table::remove(flow& f) noexcept {
  flows_.erase(flows_.iterator_to(f));
  f.file_.exchange(nullptr, std::memory_order_relaxed)->is_followable = false;
}

flow& flow_table::find(const file_node& of) noexcept { return *flows_.find(&of); }

}  // namespace coramfs::detail
