// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/context_time.hpp>

#include "async/asio_timer.hpp"
#include "core/clock.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace coramfs::detail {

/// The timer of a context: one of Asio's, or where the context has a time of its own, of that.
///
/// A handler is called with whether the time has come, or with false where the timer was cancelled.
/// It runs wherever the context itself runs its timers, on no executor of anybody's.
///
/// Guarded by its owner, but for `now`.
class deadline_timer {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit deadline_timer(asio::execution_context& on)
      : context_(on), time_(context_time::of(on)) {}

  /// The time that the timer goes by.
  time_point now() const noexcept { return time_ != nullptr ? time_->now() : waiting_time(); }

  /// Cancels what waits, and waits for another time. Throws `std::bad_alloc`, or
  /// `asio_system_error` where the system has no timer for the context.
  template <class Handler>
  void wait(time_point when, Handler h) {
    if (time_ != nullptr) {
      if (own_ == nullptr) own_ = time_->make_timer();
      own_->wait(when, std::move(h));
      return;
    }
    if (!of_asio_) of_asio_.emplace(in_place(context_));
    of_asio_->expires_at(when);
    of_asio_->async_wait([then = std::move(h)](const asio_error_code& ec) { then(!ec); });
  }
  /// The handlers that are pending are called soon.
  void cancel() noexcept {
    if (of_asio_) of_asio_->cancel();
    if (own_ != nullptr) own_->cancel();
  }
  /// Tells the context's own time, if it has one, of a wait on the context and of its end. Not
  /// after `end`.
  void wait_begins(const void* waiter, const wait_reason& why) noexcept {
    if (time_ != nullptr) time_->wait_begins(waiter, why);
  }
  void wait_ends(const void* waiter) noexcept {
    if (time_ != nullptr) time_->wait_ends(waiter);
  }
  /// To be called when the context ends, which destroys the handlers.
  void end() noexcept {
    of_asio_.reset();
    own_.reset();
    // Where there is none it is not written: whoever leaves looks at it without a lock.
    if (time_ != nullptr) time_ = nullptr;
  }

 private:
  /// The executor of Asio's timer: runs its handler right where the context completes its timers.
  class in_place {
   public:
    explicit in_place(asio::execution_context& on) noexcept : on_(&on) {}
    asio::execution_context& query(asio::execution::context_t) const noexcept { return *on_; }
    static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept {
      return asio::execution::blocking.always;
    }
    template <class Function>
    void execute(Function&& f) const {
      std::forward<Function>(f)();
    }
    friend bool operator==(const in_place& a, const in_place& b) noexcept { return a.on_ == b.on_; }
    friend bool operator!=(const in_place& a, const in_place& b) noexcept { return !(a == b); }

   private:
    asio::execution_context* on_;
  };
  using clock = std::chrono::steady_clock;
  using asio_timer = asio::basic_waitable_timer<clock, asio::wait_traits<clock>, in_place>;

  asio::execution_context& context_;  // is there until `end`
  context_time* time_;                // null: the real one
  std::optional<asio_timer> of_asio_;
  std::unique_ptr<context_timer> own_;
};

}  // namespace coramfs::detail
