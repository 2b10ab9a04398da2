// SPDX-License-Identifier: BSL-1.0
#include "async/token_operation.hpp"

#include "async/run.hpp"

#include <new>
#include <utility>

namespace coramfs::detail {

/// What the slot calls. It goes with the signal, which may end before the operation.
class token_operation::canceling {
 public:
  explicit canceling(token_operation& of) noexcept : of_(of) { of_.listens_ = true; }
  canceling(const canceling&) = delete;
  canceling& operator=(const canceling&) = delete;
  ~canceling() { of_.listens_ = false; }

  void operator()(asio::cancellation_type type) const noexcept {
    if (type == asio::cancellation_type::none) return;
    of_.is_canceled_ = true;
    if (of_.at_ == stop::wait) of_.cancel();
  }

 private:
  token_operation& of_;
};

void token_operation::begin() {
  if (!go_on()) return;
  at_ = stop::end;
  handed to = hand_over(true);
  if (to == handed::back) to = hand_over(true);
  if (to == handed::over) return;
  abandon();
  if (to == handed::back) throw std::bad_alloc();
}

// Returns whether the operation has ended. If not, it goes on later, and `this` may be gone.
bool token_operation::go_on() noexcept {
  for (;;) {
    const progress p = advance();
    if (p == progress::done) {
      forget_slot();
      return true;
    }
    if (!listen()) continue;
    const bool is_first = is_canceled_ && !std::exchange(was_told_, true);
    if (is_first || (is_canceled_ && p == progress::waits)) {
      refuse(errc::canceled);
      continue;
    }
    if (p == progress::yields ? yield() : wait()) return false;
  }
}

// Makes sure that cancellations are heard. Returns false if there is no memory for that, and the
// operation has been refused.
bool token_operation::listen() noexcept try {
  asio::cancellation_slot slot = to_.slot();
  if (!slot.is_connected() || has_listened_) return true;
  slot.emplace<canceling>(*this);
  has_listened_ = true;
  return true;
} catch (const std::bad_alloc&) {
  refuse(errc::out_of_memory);
  return false;
}

void token_operation::forget_slot() noexcept {
  if (listens_) to_.slot().clear();
}

// Gives others a turn. Returns false if the executor has no memory for that, or would run it in the
// call: then the operation goes on at once.
bool token_operation::yield() noexcept {
  at_ = stop::turn;
  switch (hand_over(false)) {
    case handed::over: break;
    case handed::back: at_ = stop::none; return false;
    case handed::lost: abandon(); break;
  }
  return true;
}

// Returns whether there is a wait. If not, the claim was had at once, or the operation has been
// refused.
bool token_operation::wait() noexcept try {
  const wanted w = awaited();
  executor_ = to_.executor();
  count_work(executor_);
  auto& context = asio::query(executor_, asio::execution::context);
  if (start(*w.what, w.patience, context, w.why)) {
    executor_ = {};
    return false;
  }
  at_ = stop::wait;
  mark_.emplace(w.waiting);
  suspended();
  return true;
} catch (const std::bad_alloc&) {
  refuse(errc::out_of_memory);
  return false;
} catch (const asio_system_error& e) {
  refuse(error(e.code()));
  return false;
}

// On the handler's executor, where its cancellations are emitted, too.
void token_operation::resume() {
  was_refused_ = false;
  if (at_ == stop::end) return complete();
  if (std::exchange(at_, stop::none) == stop::wait) {
    mark_.reset();
    const wait_outcome ended = take_outcome();
    if (ended != wait_outcome::granted) refuse(to_error(ended));
  }
  if (go_on()) complete();
}

// After a wait nothing more is wanted of the context that it waited on, so the work there ends with
// this call: that context may die before the handler's.
void token_operation::submit(continuation rest) {
  using memory = any_completion::memory;
  const memory from = std::exchange(was_refused_, true) ? memory::any : memory::associated;
  if (at_ == stop::end) return to_.submit_at_once(std::move(rest), from);
  asio::any_io_executor work;
  if (at_ == stop::wait) std::swap(work, executor_);
  to_.submit(std::move(rest), from);
}

// The operation may be the last that keeps the volume, in which the waits are counted.
void token_operation::abandon() noexcept {
  forget_slot();
  mark_.reset();
  if (at_ == stop::wait) give_back();
  to_.abandon();
}

}  // namespace coramfs::detail
