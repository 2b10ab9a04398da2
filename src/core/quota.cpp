// SPDX-License-Identifier: BSL-1.0
#include "core/quota.hpp"

#include <algorithm>
#include <mutex>

namespace coramfs::detail {

namespace {

// The sum, or the largest number if it is more.
std::uint64_t add_up(std::uint64_t a, std::uint64_t b) noexcept {
  return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

}  // namespace

void grant::give_back() noexcept { from_->settle({.bytes = bytes_}, {}, false); }

void reservation::drop() noexcept { from_->settle(wanted_, replaced_, false); }

void reservation::commit() noexcept {
  if (from_ == nullptr) return;
  if (ahead_ != nullptr) *ahead_ = wanted_.ahead;
  std::exchange(from_, nullptr)->settle(wanted_, replaced_, true);
}

grant reservation::give_up() noexcept {
  if (from_ == nullptr) return {};
  quota& of = *std::exchange(from_, nullptr);
  return of.keep_bytes(wanted_, replaced_);
}

result<reservation> quota::reserve(const charge& wanted, const charge& replaced,
                                   grant* granted) noexcept {
  if (wanted == replaced) return reservation(*this, wanted, replaced);
  const std::uint64_t bytes = excess(wanted.bytes, replaced.bytes);
  const std::uint64_t nodes = excess(wanted.nodes(), replaced.nodes());
  std::uint64_t left = 0;
  {
    const std::lock_guard lock(mutex_);
    BOOST_OUTCOME_TRY(judge(bytes, nodes, granted != nullptr ? granted->bytes_ : 0));
    if (granted != nullptr) {
      const std::uint64_t used_up = std::min(bytes, granted->bytes_);
      granted->bytes_ -= used_up;
      reserved_bytes_ -= used_up;
    }
    reserved_bytes_ += bytes;
    reserved_nodes_ += nodes;
    left = untaken_bytes();
  }
  // An operation that shrinks takes nothing, and has not given back yet what it frees.
  if (spare_ != nullptr && wanted.bytes > replaced.bytes) spare_->keep_at_most(left);
  return reservation(*this, wanted, replaced);
}

result<void> quota::require(const charge& wanted, const charge& replaced,
                            const grant* granted) const noexcept {
  const std::lock_guard lock(mutex_);
  return judge(excess(wanted.bytes, replaced.bytes), excess(wanted.nodes(), replaced.nodes()),
               granted != nullptr ? granted->bytes_ : 0);
}

result<void> quota::adjust(reservation& held, const charge& wanted,
                           const charge& replaced) noexcept {
  if (held.wanted_ == wanted && held.replaced_ == replaced) return boost::outcome_v2::success();
  admission served;
  const std::uint64_t had_bytes = excess(held.wanted_.bytes, held.replaced_.bytes);
  const std::uint64_t had_nodes = excess(held.wanted_.nodes(), held.replaced_.nodes());
  const std::uint64_t bytes = excess(wanted.bytes, replaced.bytes);
  const std::uint64_t nodes = excess(wanted.nodes(), replaced.nodes());
  std::uint64_t left = 0;
  {
    const std::lock_guard lock(mutex_);
    reserved_nodes_ -= had_nodes;
    const auto judged = judge(bytes, nodes, had_bytes);
    reserved_nodes_ += judged ? nodes : had_nodes;
    if (!judged) return judged;
    reserved_bytes_ -= had_bytes;
    reserved_bytes_ += bytes;
    freed(excess(had_bytes, bytes), served);
    left = untaken_bytes();
  }
  if (spare_ != nullptr && wanted.bytes > replaced.bytes) spare_->keep_at_most(left);
  held.wanted_ = wanted;
  held.replaced_ = replaced;
  return boost::outcome_v2::success();
}

grant quota::keep_bytes(const charge& wanted, const charge& replaced) noexcept {
  const std::lock_guard lock(mutex_);
  reserved_nodes_ -= excess(wanted.nodes(), replaced.nodes());
  return grant(*this, excess(wanted.bytes, replaced.bytes));
}

void quota::release(const charge& given) noexcept {
  admission served;
  const std::lock_guard lock(mutex_);
  committed_ -= given;
  freed(given.bytes, served);
}

// What a higher limit adds is freed bytes to those who wait: nobody overtakes them with it. What is
// kept for reuse gives way to a lower one at once.
void quota::set_max_bytes(std::uint64_t limit) noexcept {
  std::uint64_t left = 0;
  {
    admission served;
    const std::lock_guard lock(mutex_);
    const std::uint64_t before = untaken_bytes();
    max_bytes_.store(limit, std::memory_order_relaxed);
    bound_taken();
    left = untaken_bytes();
    set_aside_bytes_ = std::min(set_aside_bytes_, left);
    freed(excess(left, before), served);
    left = untaken_bytes();
  }
  if (spare_ != nullptr) spare_->keep_at_most(left);
}

std::uint64_t quota::left() const noexcept {
  const std::lock_guard lock(mutex_);
  return untaken_bytes();
}

std::uint64_t quota::available() const noexcept {
  const std::lock_guard lock(mutex_);
  return free_bytes();
}

std::uint64_t quota::missing(std::uint64_t bytes) const noexcept {
  const std::lock_guard lock(mutex_);
  return lacking(add_up(bytes, queue_.all_want()));
}

std::uint64_t quota::missing_next(std::uint64_t bytes) const noexcept {
  const std::lock_guard lock(mutex_);
  return queue_.empty() ? lacking(bytes) : 1;
}

std::uint64_t quota::available_nodes() const noexcept {
  const std::lock_guard lock(mutex_);
  return free_nodes();
}

std::uint64_t quota::taken() const noexcept {
  const std::lock_guard lock(mutex_);
  return committed_.bytes + reserved_bytes_;
}

quota::figures quota::read() const noexcept {
  const std::lock_guard lock(mutex_);
  return {committed_, peak_bytes_, max_bytes()};
}

void quota::settle(const charge& wanted, const charge& replaced, bool commit) noexcept {
  if (wanted == replaced) return;
  admission served;
  const std::lock_guard lock(mutex_);
  const std::uint64_t bytes = excess(wanted.bytes, replaced.bytes);
  reserved_bytes_ -= bytes;
  reserved_nodes_ -= excess(wanted.nodes(), replaced.nodes());
  if (commit) {
    committed_ += wanted;
    committed_ -= replaced;
    if (committed_.bytes > peak_bytes_) peak_bytes_ = committed_.bytes;  // written only then
    freed(excess(replaced.bytes, wanted.bytes), served);
  } else {
    freed(bytes, served);
  }
}

// All members below are called under the mutex, but for `enqueue` and `withdraw`, which take it.

// More may be taken, or be set aside, than a limit allows that has been lowered since.
std::uint64_t quota::untaken_bytes() const noexcept {
  return excess(max_bytes(), committed_.bytes + reserved_bytes_);
}

std::uint64_t quota::lacking(std::uint64_t bytes) const noexcept {
  const std::uint64_t beyond = excess(committed_.bytes + reserved_bytes_, max_bytes());
  return excess(add_up(bytes, beyond), untaken_bytes());
}

std::uint64_t quota::free_bytes() const noexcept {
  return excess(untaken_bytes(), set_aside_bytes_);
}

// The root counts, and is there from the start, also where the limit is 0.
std::uint64_t quota::free_nodes() const noexcept {
  if (!max_nodes_) return UINT64_MAX;
  return excess(*max_nodes_, 1 + committed_.nodes() + reserved_nodes_);
}

result<void> quota::judge(std::uint64_t bytes, std::uint64_t nodes,
                          std::uint64_t granted) const noexcept {
  if (max_nodes_ && nodes > 0) {
    const std::uint64_t left = free_nodes();
    if (nodes > left) return error(errc::node_limit_exceeded, nodes, left);
  }
  const std::uint64_t left = free_bytes() + granted;
  if (bytes > left) return error(errc::quota_exceeded, bytes, left);
  return boost::outcome_v2::success();
}

bool quota::enqueue(waiter& w, std::uint64_t bytes, grant* had) noexcept {
  const std::lock_guard lock(mutex_);
  if (had != nullptr) {
    queue_.prepend(w, bytes);
    reserved_bytes_ -= had->bytes_;
    set_aside_bytes_ += std::exchange(had->bytes_, 0);
  } else {
    queue_.append(w, bytes);
  }
  if (!queue_.is_head(w) || !take_for_head()) return false;
  queue_.admit_head();
  if (queue_.empty()) set_aside_bytes_ = 0;
  return true;
}

// What was set aside for a waiter that leaves goes to the next ones.
bool quota::withdraw(waiter& w, admission& others) noexcept {
  const std::lock_guard lock(mutex_);
  if (!queue_.remove(w)) return false;
  serve(others);
  return true;
}

void quota::bound_taken() noexcept {
  may_be_taken_.store(std::max(max_bytes(), committed_.bytes + reserved_bytes_),
                      std::memory_order_relaxed);
}

void quota::freed(std::uint64_t bytes, admission& served) noexcept {
  if (may_be_taken() > max_bytes()) bound_taken();
  if (bytes == 0 || queue_.empty()) return;
  set_aside_bytes_ = std::min(set_aside_bytes_ + bytes, untaken_bytes());
  serve(served);
}

void quota::serve(admission& served) noexcept {
  while (!queue_.empty() && take_for_head()) queue_.admit_head(served);
  if (queue_.empty()) set_aside_bytes_ = 0;
}

// Reserves what the head of the queue wants, if what is set aside and what is free suffice for it.
// Returns whether they do.
bool quota::take_for_head() noexcept {
  const std::uint64_t wanted = queue_.head_wants();
  if (wanted > untaken_bytes()) return false;
  set_aside_bytes_ -= std::min(wanted, set_aside_bytes_);
  reserved_bytes_ += wanted;
  return true;
}

}  // namespace coramfs::detail
