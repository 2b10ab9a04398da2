// SPDX-License-Identifier: BSL-1.0
#include "async/lock_wait.hpp"

#include "async/asio_compat.hpp"
#include "async/context_waits.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/cancellation_state.hpp>
#include <asio/post.hpp>
#include <asio/prefer.hpp>
#include <asio/this_coro.hpp>

#include <chrono>
#include <cstddef>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace coramfs::detail {

namespace {

/// The waiter of one coroutine, in that coroutine's frame: to wait takes no memory but Asio's.
class coroutine_waiter final : public context_waiter {
 public:
  using context_waiter::context_waiter;

  /// True: the lock is had. False: `co_await outcome()` tells.
  bool start(const asio::any_io_executor& executor, asio::cancellation_slot slot) {
    slot_ = slot;
    if (slot_.is_connected()) {
      slot_.assign([this](asio::cancellation_type type) {
        if (type != asio::cancellation_type::none) cancel();
      });
    }
    if (!context_waiter::start(executor)) return false;
    forget_slot();
    return true;
  }

  auto outcome() {
    return asio::async_initiate<const suspend_t, void(wait_outcome)>(initiate{this}, suspend);
  }

 private:
  struct initiate {
    coroutine_waiter* self;
    template <class Handler>
    void operator()(Handler&& handler) const {
      self->keep(std::forward<Handler>(handler));
      self->suspended();
    }
  };

  /// What is posted: if it is destroyed unrun, its context is dying.
  class resumption {
   public:
    explicit resumption(coroutine_waiter& w) noexcept : waiter_(&w) {}
    resumption(resumption&& other) noexcept : waiter_(std::exchange(other.waiter_, nullptr)) {}
    ~resumption() {
      if (waiter_ != nullptr) waiter_->abandon();
    }
    void operator()() {
      coroutine_waiter& w = *std::exchange(waiter_, nullptr);
      w.forget_slot();
      w.finish_(w, w.take_outcome());
    }

   private:
    coroutine_waiter* waiter_;
  };

  template <class Handler>
  void keep(Handler&& handler) {
    using kept = std::decay_t<Handler>;
    static_assert(sizeof(kept) <= sizeof(handler_) && alignof(kept) <= alignof(std::max_align_t));
    executor_ = asio::prefer(asio::get_associated_executor(handler),
                             asio::execution::outstanding_work.tracked);
    new (handler_) kept(std::forward<Handler>(handler));
    finish_ = [](coroutine_waiter& w, std::optional<wait_outcome> outcome) {
      kept& there = *std::launder(reinterpret_cast<kept*>(w.handler_));
      kept taken(std::move(there));
      there.~kept();
      const asio::any_io_executor work = std::exchange(w.executor_, {});
      // The waiter ends with the coroutine, which is either resumed or destroyed here.
      if (outcome) std::move(taken)(*outcome);
    };
  }

  void forget_slot() noexcept {
    if (slot_.is_connected()) slot_.clear();
  }

  void post() noexcept override {
    const asio::any_io_executor executor = executor_;
    asio::post(executor, resumption(*this));
  }

  void abandon() noexcept override {
    forget_slot();
    release();
    finish_(*this, std::nullopt);
  }

  asio::cancellation_slot slot_;
  asio::any_io_executor executor_;  // counts as work, so that its context waits for us
  void (*finish_)(coroutine_waiter&, std::optional<wait_outcome>) = nullptr;
  alignas(std::max_align_t) std::byte handler_[8 * sizeof(void*)];
};

error to_error(wait_outcome outcome) noexcept {
  return outcome == wait_outcome::timed_out ? errc::timed_out : errc::canceled;
}

// An awaiting coroutine must not see an exception of ours.
std::optional<bool> try_start(coroutine_waiter& waiter, const asio::any_io_executor& executor,
                              asio::cancellation_slot slot) noexcept try {
  return waiter.start(executor, slot);
} catch (const std::bad_alloc&) {
  return std::nullopt;
}

}  // namespace

asio::awaitable<result<lock_hold>> wait_for_lock(fair_lock& lock, fair_lock::kind kind,
                                                 lock_timeout longest,
                                                 std::atomic<std::uint64_t>* waiting) {
  if (longest.is_immediate()) co_return errc::would_block;
  // Asio does not repeat a cancellation: a wait that begins after it would not hear of it.
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) co_return errc::canceled;
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  coroutine_waiter waiter(lock, kind, longest.deadline(std::chrono::steady_clock::now()));
  const std::optional<bool> had = try_start(waiter, executor, state.slot());
  if (!had) co_return errc::out_of_memory;
  if (*had) co_return lock_hold(lock, kind);
  const waiting_mark mark(waiting);
  const wait_outcome outcome = co_await waiter.outcome();
  if (outcome != wait_outcome::granted) co_return to_error(outcome);
  co_return lock_hold(lock, kind);
}

}  // namespace coramfs::detail
