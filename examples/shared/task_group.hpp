// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "shared/condition.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <utility>

namespace shared {

/// Coroutines that run side by side on one thread and are awaited together.
///
/// An exception in one of them is kept, and `on_failure` called so that the others can be asked
/// to end. Must outlive its tasks: await `join`.
class task_group {
 public:
  task_group(asio::any_io_executor executor, std::function<void()> on_failure)
      : executor_(std::move(executor)), on_failure_(std::move(on_failure)), idle_(executor_) {}

  /// What the slot's signal cancels, if there is one, is the wait that the task is in then.
  void spawn(asio::awaitable<void> task, asio::cancellation_slot slot = {}) {
    ++running_;
    const auto ended = [this](std::exception_ptr thrown) {
      --running_;
      if (thrown) fail(std::move(thrown));
      if (running_ == 0) idle_.notify_all();
    };
    asio::co_spawn(executor_, std::move(task), asio::bind_cancellation_slot(slot, ended));
  }

  /// Completes when no task runs any more. Does not throw what they threw.
  asio::awaitable<void> join() {
    while (running_ != 0) co_await idle_.wait();
  }

  /// What the first task to fail threw.
  void rethrow_failure() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void fail(std::exception_ptr thrown) {
    if (failure_) return;
    failure_ = std::move(thrown);
    on_failure_();
  }

  asio::any_io_executor executor_;
  std::function<void()> on_failure_;
  condition idle_;
  std::size_t running_ = 0;
  std::exception_ptr failure_;
};

}  // namespace shared
