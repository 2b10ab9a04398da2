// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

namespace shared {

/// What `std::condition_variable` is to threads, for the coroutines of one thread: a timer that
/// never fires, and whose cancellation wakes who waits. A waiter looks again at what it waits for.
class condition {
 public:
  explicit condition(const asio::any_io_executor& executor)
      : never_(executor, asio::steady_timer::time_point::max()) {}

  asio::awaitable<void> wait() {
    coramfs::asio_error_code woken;
    co_await never_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }

  void notify_all() { never_.cancel(); }

 private:
  asio::steady_timer never_;
};

}  // namespace shared
