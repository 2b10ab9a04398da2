// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/completion.hpp>

#include "async/context_waits.hpp"
#include "async/run.hpp"
#include "core/operation.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/query.hpp>

#include <chrono>
#include <new>
#include <optional>
#include <system_error>
#include <utility>

namespace coramfs::detail {

/// An operation on its way to a completion handler, in the memory of its `completion`. It runs in
/// the initiation at first, and on the handler's executor after each wait or turn.
///
/// Guarded as `context_waiter`.
template <waiting_operation Operation, class Outcome>
class started final : public context_waiter {
 public:
  started(completion<Outcome>& to, Operation op) noexcept : to_(to), op_(std::move(op)) {}

  /// To be called once, in the initiation. `this` may be gone afterwards.
  void begin() {
    if (go_on()) {
      Outcome outcome = op_.outcome();
      to_.complete_at_once(std::move(outcome));
    }
  }

 private:
  // Returns whether the operation has ended. If not, it goes on later, and `this` may be gone.
  bool go_on() noexcept {
    for (;;) {
      const progress p = op_.advance();
      if (p == progress::done) return true;
      executor_ = to_.executor();
      count_work(executor_);
      if (p == progress::yields) {
        if (yield()) return false;
        continue;
      }
      if (!start_waiting()) continue;
      mark_.emplace(op_.waiting());
      suspended();
      return false;
    }
  }

  // Gives others a turn. Returns false if the executor has no memory for that, or would run it in
  // the call: then the operation goes on at once.
  bool yield() noexcept {
    is_yielding_ = true;
    switch (hand_over(false)) {
      case handed::over: break;
      case handed::back: is_yielding_ = false; return false;
      case handed::lost: abandon(); break;
    }
    return true;
  }

  // Returns whether there is a wait. If not, the claim was had at once, or the operation has been
  // refused.
  bool start_waiting() noexcept try {
    asio::cancellation_slot slot = to_.slot();
    if (slot.is_connected()) {
      slot.assign([this](asio::cancellation_type type) {
        if (type != asio::cancellation_type::none) cancel();
      });
    }
    const deadline until = op_.patience().deadline(std::chrono::steady_clock::now());
    auto& context = asio::query(to_.executor(), asio::execution::context);
    if (!start(op_.awaited(), until, context)) return true;
    forget_slot();
    return false;
  } catch (const std::bad_alloc&) {
    forget_slot();
    op_.refuse(errc::out_of_memory);
    return false;
  } catch (const std::system_error& e) {
    forget_slot();
    op_.refuse(error(e.code()));
    return false;
  }

  // On the handler's executor, where its cancellations are emitted, too: so the slot may be
  // cleared.
  void resume() override {
    if (!std::exchange(is_yielding_, false)) {
      forget_slot();
      mark_.reset();
      const wait_outcome ended = take_outcome();
      if (ended != wait_outcome::granted) op_.refuse(to_error(ended));
    }
    if (go_on()) {
      Outcome outcome = op_.outcome();
      to_.complete(std::move(outcome));
    }
  }

  void forget_slot() noexcept {
    asio::cancellation_slot slot = to_.slot();
    if (slot.is_connected()) slot.clear();
  }

  // After a wait nothing more is wanted of the context that it waited on, so the work there ends
  // with this call: that context may die before the handler's.
  void submit(continuation rest) override {
    asio::any_io_executor work;
    if (!is_yielding_) std::swap(work, executor_);
    to_.submit(std::move(rest));
  }

  void abandon() noexcept override {
    if (!is_yielding_) {
      forget_slot();
      give_back();
    }
    to_.abandon();
  }

  completion<Outcome>& to_;
  Operation op_;
  asio::any_io_executor executor_;  // counts as work, so that its context does not run out of it
  std::optional<waiting_mark> mark_;
  bool is_yielding_ = false;
};

/// Begins an operation that ends with the handler of `to`. Called in the initiation.
template <class Outcome, waiting_operation Operation>
void start(completion<Outcome>& to, Operation op) {
  to.template emplace<started<Operation, Outcome>>(to, std::move(op)).begin();
}

}  // namespace coramfs::detail
