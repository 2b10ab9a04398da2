// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/result.hpp>

#include "async/context_waits.hpp"

#include <cstddef>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace coramfs::detail {

/// Makes the executor count as work, so that its context does not run out of it while somebody
/// waits. An executor that throws at that is used as it is: a wait that has begun should not fail
/// for it, and the timer of the waits counts as work, too.
inline void count_work(asio::any_io_executor& executor) noexcept try {
  executor = asio::prefer(std::as_const(executor), asio::execution::outstanding_work.tracked);
} catch (...) {
}

/// The waiter of one coroutine, in that coroutine's frame: to wait takes no memory but what Asio
/// takes. Guarded as `context_waiter`.
class coroutine_waiter final : public context_waiter {
 public:
  /// `executor` is the coroutine's own, and stands in its frame. The waiter changes it, since a
  /// second one would take much of a frame.
  explicit coroutine_waiter(asio::any_io_executor& executor) noexcept : executor_(executor) {}
  ~coroutine_waiter() {
    if (is_made_) drop_outcome();
  }

  enum class had : unsigned char { at_once, not_yet };

  /// Queues for `wanted`. After `not_yet` the wait goes on until `co_await outcome()` gives its
  /// end. Errors: `out_of_memory`; the system's where it has no timer.
  result<had> start(claim& wanted, lock_timeout patience, asio::cancellation_slot slot,
                    const wait_reason& why) noexcept;

 private:
  class canceling;
  struct initiate {
    coroutine_waiter* self;
    template <class Handler>
    void operator()(Handler&& handler) const {
      self->keep(std::forward<Handler>(handler));
      self->suspended();
    }
  };

  using to_come = decltype(asio::async_initiate<const suspend_t, void(wait_outcome)>(
      std::declval<initiate>(), suspend));

 public:
  // What there is to await was made before the wait began, since it takes memory: where that is
  // refused, nobody must be in a queue. It stands where its handler is going to be.
  to_come outcome() noexcept {
    to_come taken(std::move(made_outcome()));
    drop_outcome();
    return taken;
  }

 private:
  void make_outcome() {
    static_assert(sizeof(to_come) <= sizeof(handler_) && alignof(to_come) <= alignof(void*));
    new (handler_)
        to_come(asio::async_initiate<const suspend_t, void(wait_outcome)>(initiate{this}, suspend));
    is_made_ = true;
  }
  to_come& made_outcome() noexcept { return *std::launder(reinterpret_cast<to_come*>(handler_)); }
  void drop_outcome() noexcept {
    made_outcome().~to_come();
    is_made_ = false;
  }

  template <class Handler>
  void keep(Handler&& handler) {
    using kept = std::decay_t<Handler>;
    static_assert(sizeof(kept) <= sizeof(handler_) && alignof(kept) <= alignof(void*));
    count_work(executor_);
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

  void end_start() noexcept;
  void forget_slot() noexcept;
  void submit(continuation rest) override;
  void resume() override;
  void abandon() noexcept override;

  // First, where the base has room left: each byte is one of a frame.
  bool is_made_ = false;  // what there is to await, in the place of the handler
  bool listens_ = false;  // to the slot
  asio::any_io_executor& executor_;
  asio::cancellation_slot slot_;
  void (*finish_)(coroutine_waiter&, std::optional<wait_outcome>) = nullptr;
  alignas(void*) std::byte handler_[4 * sizeof(void*)];
};

}  // namespace coramfs::detail
