// SPDX-License-Identifier: BSL-1.0
#include "async/context_waits.hpp"

#include <asio/query.hpp>

#include <cassert>

namespace coramfs::detail {

namespace {

/// What Asio tells when a context dies. The waits themselves may outlive it.
class wait_service : public asio::execution_context::service {
 public:
  inline static asio::execution_context::id id;

  explicit wait_service(asio::execution_context& context)
      : asio::execution_context::service(context), waits(std::make_shared<context_waits>()) {}

  const std::shared_ptr<context_waits> waits;

 private:
  void shutdown() override { waits->shutdown(); }
};

}  // namespace

bool context_waiter::start(claim& wanted, const deadline& until,
                           const asio::any_io_executor& executor) {
  claim_ = &wanted;
  until_ = until;
  outcome_ = wait_outcome::canceled;
  is_granted_ = false;
  phase_.store(phase::begins, std::memory_order_relaxed);
  waits_ = context_waits::of(asio::query(executor, asio::execution::context));
  return waits_->start(*this, executor);
}

// Runs on the context, which therefore does not die.
void context_waiter::suspended() noexcept {
  if (phase_.exchange(phase::is_suspended, std::memory_order_acq_rel) == phase::has_ended) post();
}

// Once it is handed on it may end on another thread, so it is not looked at again.
void context_waiter::cancel() noexcept {
  const auto waits = waits_;
  waits->cancel(*this);
}

void context_waiter::granted() noexcept {
  const auto waits = waits_;
  waits->grant(*this);
}

wait_outcome context_waiter::take_outcome() noexcept {
  if (until_) waits_->forget_deadline(*this);
  return outcome_;
}

void context_waiter::give_back() noexcept {
  if (take_outcome() == wait_outcome::granted) claim_->give_back();
}

std::shared_ptr<context_waits> context_waits::of(asio::execution_context& context) {
  return asio::use_service<wait_service>(context).waits;
}

bool context_waits::start(context_waiter& w, const asio::any_io_executor& executor) {
  const std::lock_guard lock(mutex_);
  assert(!closed_);
  if (w.until_) add_deadline(w, executor);
  if (w.claim_->enqueue(w)) {
    remove_deadline(w);
    return true;
  }
  waiting_.push_back(w);
  return false;
}

void context_waits::cancel(context_waiter& w) noexcept {
  admission others;
  const std::lock_guard lock(mutex_);
  if (w.claim_->withdraw(w, others)) hand_on(w, wait_outcome::canceled);
}

void context_waits::grant(context_waiter& w) noexcept {
  const std::lock_guard lock(mutex_);
  if (closed_) {
    w.is_granted_ = true;
    granted_.notify_all();
  } else {
    hand_on(w, wait_outcome::granted);
  }
}

void context_waits::forget_deadline(context_waiter& w) noexcept {
  const std::lock_guard lock(mutex_);
  remove_deadline(w);
}

void context_waits::shutdown() noexcept {
  std::unique_lock lock(mutex_);
  closed_ = true;
  timer_.reset();
  while (!waiting_.empty()) {
    context_waiter& w = waiting_.front();
    admission others;
    if (!w.claim_->withdraw(w, others)) {
      // It was granted: whoever did that is about to say so, and then knows it no more.
      granted_.wait(lock, [&] { return w.is_granted_; });
      w.outcome_ = wait_outcome::granted;
    }
    waiting_.pop_front();
    lock.unlock();
    others.announce();
    w.abandon();
    lock.lock();
  }
}

void context_waits::add_deadline(context_waiter& w, const asio::any_io_executor& executor) {
  if (!timer_) timer_.emplace(executor);
  if (!armed_for_ || *w.until_ < *armed_for_) arm(*w.until_);
  deadlines_.insert(w);
}

void context_waits::remove_deadline(context_waiter& w) noexcept {
  if (!w.in_deadlines_.is_linked()) return;
  deadlines_.erase(deadlines_.iterator_to(w));
  // An armed timer keeps the context running. While deadlines are left it stays as it is, even
  // if that is too early for the next of them.
  if (deadlines_.empty() && timer_) {
    armed_for_.reset();
    timer_->cancel();
  }
}

void context_waits::arm(std::chrono::steady_clock::time_point when) {
  armed_for_.reset();
  timer_->expires_at(when);
  timer_->async_wait([self = shared_from_this()](const std::error_code& ec) {
    if (!ec) self->expire();
  });
  armed_for_ = when;
}

void context_waits::expire() {
  admission others;
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  const auto now = std::chrono::steady_clock::now();
  while (!deadlines_.empty() && *deadlines_.begin()->until_ <= now) {
    context_waiter& w = *deadlines_.begin();
    deadlines_.erase(deadlines_.begin());
    if (w.claim_->withdraw(w, others)) hand_on(w, wait_outcome::timed_out);
  }
  armed_for_.reset();
  if (!deadlines_.empty()) arm(*deadlines_.begin()->until_);
}

void context_waits::hand_on(context_waiter& w, wait_outcome outcome) noexcept {
  waiting_.erase(waiting_.iterator_to(w));
  w.outcome_ = outcome;
  using phase = context_waiter::phase;
  if (w.phase_.exchange(phase::has_ended, std::memory_order_acq_rel) == phase::is_suspended)
    w.post();
}

}  // namespace coramfs::detail
