// SPDX-License-Identifier: BSL-1.0
#include "async/context_waits.hpp"

#include "core/thread_lane.hpp"

#include <algorithm>
#include <new>
#include <thread>

namespace coramfs::detail {

namespace {

/// Asio tells it when the context is destroyed. The waits are shared, since they may outlive it.
class wait_service : public asio::execution_context::service {
 public:
  inline static asio::execution_context::id id;

  explicit wait_service(asio::execution_context& context)
      : asio::execution_context::service(context),
        waits(std::make_shared<context_waits>(context)) {}

  const std::shared_ptr<context_waits> waits;

 private:
  void shutdown() override { waits->shutdown(); }
};

// How long it takes until the next attempt, where memory is refused again and again.
constexpr std::chrono::milliseconds before_retry{1};

}  // namespace

/// A call of an executor, on the stack of the thread that makes it. It notes what becomes of the
/// continuation in this thread while the call lasts, because only the caller can decide what to
/// make of that, when the call has returned or thrown.
///
/// One thread's own: calls may be nested, and a thread-local pointer leads to the innermost.
class context_waiter::handing {
 public:
  handing(context_waiter& w, bool may_run) noexcept : of_(&w), may_run_(may_run) {
    innermost = this;
  }
  handing(const handing&) = delete;
  handing& operator=(const handing&) = delete;
  ~handing() { innermost = outer_; }

  // The call of this thread that hands `w` over, or null if there is none.
  static handing* of(const context_waiter& w) noexcept {
    handing* h = innermost;
    while (h != nullptr && h->of_ != &w) h = h->outer_;
    return h;
  }

  // Returns whether the continuation may run in the call. If it may, the waiter is forgotten: it
  // may be gone after it has run, and another one may have its address.
  bool begin_run() noexcept {
    if (may_run_) {
      of_ = nullptr;
    } else {
      fate_ = handed::back;
    }
    return may_run_;
  }
  bool has_run() const noexcept { return of_ == nullptr; }
  void note_dropped() noexcept { fate_ = handed::lost; }
  handed fate() const noexcept { return fate_; }

 private:
  CORAMFS_NEAR_THREAD_LOCAL inline static constinit thread_local handing* innermost = nullptr;

  context_waiter* of_;
  const bool may_run_;
  handed fate_ = handed::over;
  handing* const outer_ = innermost;
};

bool context_waiter::start(claim& wanted, lock_timeout patience, asio::execution_context& context,
                           const wait_reason& why) {
  claim_ = &wanted;
  outcome_ = wait_outcome::canceled;
  is_granted_ = false;
  phase_.store(phase::begins, std::memory_order_relaxed);
  waits_ = context_waits::of(context);
  until_ = patience.deadline(waits_->now());
  return waits_->start(*this, why);
}

void context_waiter::suspended() noexcept {
  if (phase_.exchange(phase::is_suspended, std::memory_order_acq_rel) != phase::has_ended) return;
  const auto waits = waits_;
  waits->hand_on_suspended(*this);
}

// A waiter that is handed on may end on another thread at once, so nothing of it is read after
// that; the local pointer keeps the waits alive.
void context_waiter::cancel() noexcept {
  const auto waits = waits_;
  waits->cancel(*this);
}

void context_waiter::granted() noexcept {
  const auto waits = waits_;
  waits->grant(*this);
}

wait_outcome context_waiter::take_outcome() noexcept {
  waits_->leave(*this);
  return outcome_;
}

void context_waiter::give_back() noexcept {
  if (take_outcome() == wait_outcome::granted) claim_->give_back();
}

// An executor may throw although it has kept the continuation. Then it has taken it all the same,
// and what was noted during the call decides. If it dropped it for want of memory, that is a
// refusal.
context_waiter::handed context_waiter::hand_over(bool may_run) {
  handing call(*this, may_run);
  try {
    submit(continuation(*this));
  } catch (const std::bad_alloc&) {
    if (call.has_run()) throw;
    return call.fate() == handed::over ? handed::over : handed::back;
  } catch (...) {
    if (call.has_run()) throw;
  }
  return call.fate();
}

void context_waiter::run() {
  handing* const call = handing::of(*this);
  if (call == nullptr || call->begin_run()) resume();
}

void context_waiter::dropped() noexcept {
  if (handing* const call = handing::of(*this)) {
    call->note_dropped();
  } else {
    abandon();
  }
}

// A call of an executor that has been counted before: its end counts it down, and wakes the
// shutdown that waits for the last one. The caller keeps the waits alive.
class context_waits::calling {
 public:
  explicit calling(context_waits& in) noexcept : in_(in) {}
  calling(const calling&) = delete;
  calling& operator=(const calling&) = delete;
  ~calling() {
    if (in_.calls_.fetch_sub(1, std::memory_order_acq_rel) != (closing | 1)) return;
    const std::lock_guard lock(in_.mutex_);
    in_.ended_.notify_all();
  }

 private:
  context_waits& in_;
};

std::shared_ptr<context_waits> context_waits::of(asio::execution_context& context) {
  return asio::use_service<wait_service>(context).waits;
}

bool context_waits::start(context_waiter& w, const wait_reason& why) {
  const std::lock_guard lock(mutex_);
  if (closed_) {
    // A handler that is destroyed with the context has begun something new, which ends with the
    // context, too.
    ++count_;
    w.phase_.store(context_waiter::phase::has_ended, std::memory_order_relaxed);
    return false;
  }
  const auto when = w.until_.value_or(time_point::max());
  if (!armed_for_ || when < *armed_for_) arm(when);
  ++count_;
  timer_.wait_begins(&w, why);
  if (w.until_) deadlines_.insert(w);
  if (w.claim_->enqueue(w)) {
    timer_.wait_ends(&w);
    count_out(w);
    return true;
  }
  waiting_.push_back(w);
  return false;
}

void context_waits::cancel(context_waiter& w) noexcept {
  admission others;
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || !w.claim_->withdraw(w, others)) return;
    if (!end(w, wait_outcome::canceled)) return;
    calls_.fetch_add(1, std::memory_order_relaxed);
  }
  hand_on(w);
}

void context_waits::grant(context_waiter& w) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) {
      w.is_granted_ = true;
      ended_.notify_all();
      return;
    }
    if (!end(w, wait_outcome::granted)) return;
    calls_.fetch_add(1, std::memory_order_relaxed);
  }
  hand_on(w);
}

void context_waits::hand_on_suspended(context_waiter& w) noexcept {
  calls_.fetch_add(1, std::memory_order_relaxed);
  hand_on(w);
}

// Without a deadline only the last waiter of all has more to do than to count itself out.
void context_waits::leave(context_waiter& w) noexcept {
  timer_.wait_ends(&w);
  if (!w.until_) {
    std::size_t count = count_.load(std::memory_order_relaxed);
    while (count > 1)
      if (count_.compare_exchange_weak(count, count - 1, std::memory_order_acq_rel)) return;
  }
  const std::lock_guard lock(mutex_);
  count_out(w);
}

// The calls of executors that are under way are waited for first, for one of them may give its
// waiter back. Whoever begins a wait from now on finds the waits closed.
void context_waits::shutdown() noexcept {
  std::unique_lock lock(mutex_);
  closed_ = true;
  timer_.end();
  calls_.fetch_or(closing, std::memory_order_acq_rel);
  ended_.wait(lock, [&] { return calls_.load(std::memory_order_acquire) == closing; });
  shutdown_waiting(lock);
  while (!handed_back_.empty()) {
    context_waiter& w = handed_back_.front();
    handed_back_.pop_front();
    lock.unlock();
    w.abandon();
    lock.lock();
  }
  is_over_ = true;
}

void context_waits::shutdown_waiting(std::unique_lock<std::mutex>& lock) noexcept {
  while (!waiting_.empty()) {
    context_waiter& w = waiting_.front();
    admission others;
    if (!w.claim_->withdraw(w, others)) {
      // It was granted before. Whoever did that is about to call `granted`, and must not find the
      // waiter gone.
      ended_.wait(lock, [&] { return w.is_granted_; });
      w.outcome_ = wait_outcome::granted;
    }
    waiting_.pop_front();
    lock.unlock();
    others.announce();
    w.abandon();
    lock.lock();
  }
}

// Under the mutex. Returns whether the owner is suspended already: then the caller has to hand the
// waiter on, and else `suspended` does.
bool context_waits::end(context_waiter& w, wait_outcome outcome) noexcept {
  waiting_.erase(waiting_.iterator_to(w));
  w.outcome_ = outcome;
  using phase = context_waiter::phase;
  return w.phase_.exchange(phase::has_ended, std::memory_order_acq_rel) == phase::is_suspended;
}

// With no lock held, and after the call was counted. This may be a stranger's thread in the middle
// of an unlock or a write, where nothing of the waiter's may run.
void context_waits::hand_on(context_waiter& w) noexcept {
  const calling call(*this);
  switch (w.hand_over(false)) {
    case context_waiter::handed::over: break;
    case context_waiter::handed::back:
      // The context's own thread tries again.
      keep_back(w, now()) ? wake() : w.abandon();
      break;
    case context_waiter::handed::lost: w.abandon(); break;
  }
}

// Returns whether the context still is there to try again. If not, the caller has to abandon the
// waiter.
bool context_waits::keep_back(context_waiter& w, time_point until) noexcept {
  const std::lock_guard lock(mutex_);
  if (is_over_) return false;
  handed_back_.push_back(w);
  retry_at_ = until;
  return true;
}

void context_waits::wake() noexcept {
  const std::lock_guard lock(mutex_);
  cancel_timer();
}

// Under the mutex. The timer is cancelled when the last waiter has gone, because a pending one
// keeps the context running. While others are there it stays as it is, even if it fires too early
// for the next of them.
void context_waits::count_out(context_waiter& w) noexcept {
  if (w.in_deadlines_.is_linked()) deadlines_.erase(deadlines_.iterator_to(w));
  if (--count_ == 0) cancel_timer();
}

// The timer's handler, which is also called where the timer was cancelled.
void context_waits::tick(bool has_come) {
  admission others;
  std::unique_lock lock(mutex_);
  --pending_;
  if (closed_) return;
  if (has_come) armed_for_.reset();
  expire(others);
  // Those who are granted something now are told first, since all else may take long: the timer may
  // have to wait for memory, and an executor may run handlers here.
  lock.unlock();
  others.announce();
  lock.lock();
  const bool is_armed = try_arm(next_deadline());
  if (closed_) return;
  hand_on_all(lock);
  if (!handed_back_.empty()) {
    rearm(lock, retry_at_);
  } else if (!is_armed) {
    rearm(lock, next_deadline());
  }
}

void context_waits::expire(admission& others) noexcept {
  const time_point at = now();
  while (!deadlines_.empty() && *deadlines_.begin()->until_ <= at) {
    context_waiter& w = *deadlines_.begin();
    deadlines_.erase(deadlines_.begin());
    if (w.claim_->withdraw(w, others) && end(w, wait_outcome::timed_out)) handed_back_.push_back(w);
  }
}

// On the context's own thread, and inside of nobody's call, so an executor may run what it is given
// at once. What a handler throws then goes on to whoever runs the context.
void context_waits::hand_on_all(std::unique_lock<std::mutex>& lock) {
  for (std::size_t n = handed_back_.size(); n > 0 && !closed_ && !handed_back_.empty(); --n) {
    context_waiter& w = handed_back_.front();
    handed_back_.pop_front();
    calls_.fetch_add(1, std::memory_order_relaxed);
    lock.unlock();
    try {
      const calling call(*this);
      switch (w.hand_over(true)) {
        case context_waiter::handed::over: break;
        case context_waiter::handed::back:
          if (!keep_back(w, now() + before_retry)) w.abandon();
          break;
        case context_waiter::handed::lost: w.abandon(); break;
      }
    } catch (...) {
      lock.lock();
      rearm(lock, now());
      throw;
    }
    lock.lock();
  }
}

context_waits::time_point context_waits::next_deadline() const noexcept {
  return deadlines_.empty() ? time_point::max() : *deadlines_.begin()->until_;
}

void context_waits::arm(time_point when) {
  armed_for_.reset();
  timer_.wait(when, [self = shared_from_this()](bool has_come) { self->tick(has_come); });
  ++pending_;
  armed_for_ = when;
}

// Under the mutex. Returns whether a handler of the timer will be called in time, or need not be.
// Where memory is refused, one of the timer that was cancelled is mostly still to come, and arms
// the timer then.
bool context_waits::try_arm(time_point when) noexcept {
  if (closed_ || count_ == 0 || (armed_for_ && when >= *armed_for_)) return true;
  try {
    arm(when);
  } catch (const std::bad_alloc&) {
    return pending_ > 0;
  }
  return true;
}

// Under the mutex. If no handler is still to come, nothing is left but to try until memory is had:
// without a timer the deadlines would be lost. Asio needs it where its table of timers grows.
// Whoever could free some may need the mutex for that, so it is let go between two attempts.
void context_waits::rearm(std::unique_lock<std::mutex>& lock, time_point when) noexcept {
  while (!try_arm(when)) {
    lock.unlock();
    std::this_thread::sleep_for(before_retry);
    lock.lock();
  }
}

// Under the mutex. The handlers that are pending are called soon, with an error.
void context_waits::cancel_timer() noexcept {
  armed_for_.reset();
  timer_.cancel();
}

}  // namespace coramfs::detail
