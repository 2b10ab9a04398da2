// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>

#include "async/coroutine_waiter.hpp"
#include "core/made_by.hpp"
#include "core/operation.hpp"

#include <utility>

namespace coramfs::detail {

/// The error of a wait that timed out or was cancelled.
inline error to_error(wait_outcome outcome) noexcept {
  return outcome == wait_outcome::timed_out ? errc::timed_out : errc::canceled;
}

/// Queues for what an operation waits for. Returns whether there is a wait: there is none if the
/// claim was had at once, or if the wait could not begin, which the operation has been told then.
template <waiting_operation Operation>
bool begin_wait(Operation& op, coroutine_waiter& waiter, asio::cancellation_slot slot) noexcept {
  const auto had = waiter.start(op.awaited(), op.patience(), slot, wait_reason(op));
  if (!had) op.refuse(had.error());
  return had && had.value() == coroutine_waiter::had::not_yet;
}

/// Runs an operation as a coroutine, which takes only this one frame. It completes without
/// suspending where nothing is to be waited for, and resumes on the coroutine's own executor.
///
/// A cancellation is told to the operation once, at the first stop after it came, and again at each
/// wait that would begin later.
template <operation Operation>
auto run(Operation op) -> asio::awaitable<decltype(op.outcome())> {
  bool is_canceled = false, would_throw = false;
  for (;;) {
    const progress p = op.advance();
    if (p == progress::done) break;
    // Asio does not repeat a cancellation, so a wait that begins after it would not hear of it.
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    const bool is_first =
        state.cancelled() != asio::cancellation_type::none && !std::exchange(is_canceled, true);
    if (is_first) {
      // The operation may still have slices to do, but each `co_await` would throw from now on.
      would_throw = co_await asio::this_coro::throw_if_cancelled();
      co_await asio::this_coro::throw_if_cancelled(false);
    }
    if (is_first || (is_canceled && p == progress::waits)) {
      op.refuse(errc::canceled);
      continue;
    }
    if (p == progress::yields) {
      co_await asio::post(suspend);
      continue;
    }
    if constexpr (waiting_operation<Operation>) {
      asio::any_io_executor executor = co_await asio::this_coro::executor;
      coroutine_waiter waiter(executor);
      if (!begin_wait(op, waiter, state.slot())) continue;
      const waiting_mark mark(op.waiting());
      const wait_outcome outcome = co_await waiter.outcome();
      if (outcome != wait_outcome::granted) op.refuse(to_error(outcome));
    }
  }
  if (would_throw) co_await asio::this_coro::throw_if_cancelled(true);
  co_return made_by([&op] { return op.outcome(); });
}

}  // namespace coramfs::detail
