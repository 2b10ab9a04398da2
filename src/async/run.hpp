// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/asio_compat.hpp>

#include "async/coroutine_waiter.hpp"
#include "core/operation.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/cancellation_state.hpp>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>

#include <chrono>
#include <optional>
#include <utility>

namespace coramfs::detail {

/// The error of a wait that ended without what was waited for.
inline error to_error(wait_outcome outcome) noexcept {
  return outcome == wait_outcome::timed_out ? errc::timed_out : errc::canceled;
}

/// What an operation ends with, without a place of its own in the frame: it is made where it is
/// asked for.
template <class Operation>
struct outcome_of {
  Operation& op;

  operator decltype(op.outcome())() const noexcept { return op.outcome(); }
};

/// Runs an operation as a coroutine: the only frame of ours that it takes. It completes without
/// suspending where nothing is to be waited for, and resumes on the coroutine's own executor.
template <operation Operation>
auto run(Operation op) -> asio::awaitable<decltype(op.outcome())> {
  std::optional<coroutine_waiter> room;  // made when there is something to wait for
  for (;;) {
    const progress p = op.advance();
    if (p == progress::done) co_return outcome_of<Operation>{op};
    // Asio does not repeat a cancellation, a wait that begins after it would not hear of it; and
    // it makes the next `co_await` throw.
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      op.refuse(errc::canceled);
      continue;
    }
    coroutine_waiter& waiter = room ? *room : room.emplace();
    waiter.executor = co_await asio::this_coro::executor;
    if (p == progress::yields) {
      co_await asio::post(waiter.executor, suspend);
      continue;
    }
    if constexpr (waiting_operation<Operation>) {
      const deadline until = op.patience().deadline(std::chrono::steady_clock::now());
      const auto had = waiter.start(op.awaited(), until, state.slot());
      if (had == coroutine_waiter::had::no_memory) op.refuse(errc::out_of_memory);
      if (had != coroutine_waiter::had::not_yet) continue;
      const waiting_mark mark(op.waiting());
      const wait_outcome outcome = co_await waiter.outcome();
      if (outcome != wait_outcome::granted) op.refuse(to_error(outcome));
    }
  }
}

}  // namespace coramfs::detail
