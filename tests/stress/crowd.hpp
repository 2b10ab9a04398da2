// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/dice.hpp"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>

#include <exception>
#include <latch>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace coramfs::tests {

/// Who the many are that work on one volume.
enum class members { threads, coroutines, both };

// One text serves both facades: what the blocking one returns is ready.
template <class T>
asio::awaitable<result<T>> ready(asio::awaitable<result<T>> operation) {
  return operation;
}
template <class T>
asio::awaitable<result<T>> ready(result<T> done) {
  co_return done;
}

/// Lets others go on in the middle of something: other coroutines of the pool, other threads.
inline asio::awaitable<void> let_others(dice& d) {
  if (d.one_in(8)) std::this_thread::yield();
  co_await asio::post(asio::use_awaitable);
}

/// Many tasks at once on one volume, each with a number: threads with the blocking facade,
/// coroutines on a pool of several threads, or every other one of each.
class crowd {
 public:
  explicit crowd(volume over) : volume_(std::move(over)) {}

  /// Runs `task(file_system, number)`, a coroutine, `count` times, and waits for all of them.
  /// Throws what the first of them threw that failed.
  template <class Task>
  void run(members who, int count, Task task) {
    asio::thread_pool pool(4);
    file_system shared(pool.get_executor(), volume_);
    std::vector<std::thread> threads;
    std::latch start(1);
    for (int i = 0; i < count; ++i) {
      if (who == members::coroutines || (who == members::both && i % 2 == 0)) {
        asio::co_spawn(pool, task(shared, i), keep());
      } else {
        threads.emplace_back([this, task, i, &start] {
          start.wait();
          run_on_this_thread(task, i);
        });
      }
    }
    start.count_down();
    for (std::thread& t : threads) t.join();
    pool.join();
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  template <class Task>
  void run_on_this_thread(Task task, int number) {
    asio::io_context context(1);
    sync::file_system own(volume_);
    asio::co_spawn(context, task(own, number), keep());
    context.run();
  }
  auto keep() {
    return [this](std::exception_ptr e) {
      const std::lock_guard lock(mutex_);
      if (e && !thrown_) thrown_ = e;
    };
  }

  volume volume_;
  std::mutex mutex_;
  std::exception_ptr thrown_;  // guarded by mutex_
};

}  // namespace coramfs::tests
