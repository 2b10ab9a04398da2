// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/result.hpp>

#include "async/context_waits.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/prefer.hpp>

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

  enum class had : unsigned char { at_once, not_yet };

  /// Queues for `wanted`. After `not_yet` the wait goes on until `co_await outcome()` gives its
  /// end. Errors: `out_of_memory`; the system's where it has no timer.
  result<had> start(claim& wanted, const deadline& until, asio::cancellation_slot slot) noexcept;

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

  void forget_slot() noexcept;
  void submit(continuation rest) override;
  void resume() override;
  void abandon() noexcept override;

  asio::any_io_executor& executor_;
  asio::cancellation_slot slot_;
  void (*finish_)(coroutine_waiter&, std::optional<wait_outcome>) = nullptr;
  alignas(void*) std::byte handler_[4 * sizeof(void*)];
};

}  // namespace coramfs::detail
