// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "api/coroutines.hpp"
#include "support/await_waiting.hpp"

#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <functional>
#include <string>

namespace coramfs::tests {

/// One operation on a context's only thread, and somebody who takes every turn that it gives.
class sliced_operation {
 public:
  asio::io_context context;
  volume v = volume::create().value();
  file_system fs{context.get_executor(), v};
  sync::file_system threads{v};

  int turns_after = 0;  // the cancellation

  using operation = std::function<asio::awaitable<void>()>;

  /// Runs it to the end, calling `between` at each turn. Returns the number of turns.
  int turns_during(
      operation op, std::function<void()> between = [] {}) {
    bool is_done = false;
    int turns = 0;
    spawn(context, [&]() -> asio::awaitable<void> {
      co_await op();
      is_done = true;
    });
    spawn(context, [&]() -> asio::awaitable<void> {
      // The first turn is before it has begun.
      co_await asio::post(asio::use_awaitable);
      while (!is_done) {
        ++turns;
        between();
        co_await asio::post(asio::use_awaitable);
      }
    });
    context.restart();
    context.run();
    return turns;
  }

  /// Runs it, and cancels it at the turn of that number; calls `then` after that. Sets
  /// `turns_after`.
  template <class T>
  error canceled_at(
      int turn, std::function<asio::awaitable<result<T>>()> op,
      std::function<void()> then = [] {}) {
    asio::cancellation_signal signal;
    error seen = std::error_code();
    bool is_done = false;
    spawn(context, signal, [&]() -> asio::awaitable<void> {
      const bool throws_before = co_await asio::this_coro::throw_if_cancelled();
      const auto outcome = co_await op();
      const bool throws_after = co_await asio::this_coro::throw_if_cancelled();
      CHECK(throws_after == throws_before);
      seen = error_of(outcome);
      is_done = true;
    });
    spawn(context, [&]() -> asio::awaitable<void> {
      for (int i = 0; i < turn && !is_done; ++i) co_await asio::post(asio::use_awaitable);
      signal.emit(asio::cancellation_type::terminal);
      then();
      for (turns_after = 0; !is_done; ++turns_after) co_await asio::post(asio::use_awaitable);
    });
    context.restart();
    context.run();
    CHECK(is_done);
    return seen;
  }

  /// One directory with so many of both.
  void make_wide(int files, int directories) {
    threads.create_directory("/wide").value();
    for (int f = 0; f < files; ++f)
      threads.write_file("/wide/f" + std::to_string(f), buffer_of("content")).value();
    for (int d = 0; d < directories; ++d)
      threads.create_directory("/wide/d" + std::to_string(d)).value();
  }
  void make_many(int directories, int files) {
    for (int d = 0; d < directories; ++d) {
      const std::string path = "/many/" + std::to_string(d);
      threads.create_directories(path).value();
      for (int f = 0; f < files; ++f)
        threads.write_file(path + "/" + std::to_string(f), buffer_of("content")).value();
    }
  }
};

}  // namespace coramfs::tests
