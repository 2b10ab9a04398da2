// SPDX-License-Identifier: BSL-1.0
#include <coramfs/rw_lock.hpp>

#include "support/coroutines.hpp"
#include "support/operations.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <memory>

namespace coramfs::bench {

namespace {

struct fixture {
  asio::io_context context{1};
  rw_lock lock;
};

using shared_fixture = std::shared_ptr<fixture>;

// A context whose loop looks after a timer, as that of every service does that has timers or
// sockets: each of its rounds then asks the system for events.
shared_fixture beside_timer() {
  const auto f = std::make_shared<fixture>();
  asio::steady_timer timer(f->context);
  timer.expires_after(std::chrono::hours(1));
  timer.async_wait([](const std::error_code&) {});
  return f;
}

asio::awaitable<void> await_ready(fixture&, std::size_t times) {
  for (; times != 0; --times) {
    auto answer = co_await ready_coroutine();
    answer.value();
  }
}

asio::awaitable<void> acquire_free(fixture& f, std::size_t times) {
  for (; times != 0; --times) {
    auto hold = co_await f.lock.acquire();
    hold.value();
  }
}

asio::awaitable<void> only_post(fixture&, lock_timeout, std::size_t times) {
  for (; times != 0; --times) co_await bare_post();
}

asio::awaitable<void> post_each_way(fixture&, lock_timeout, std::size_t times) {
  for (; times != 0; --times) {
    co_await bare_post();
    co_await bare_post();
  }
}

asio::awaitable<void> hold_across_post(fixture& f, lock_timeout longest, std::size_t times) {
  for (; times != 0; --times) {
    auto hold = co_await f.lock.acquire(longest);
    hold.value();
    co_await bare_post();
  }
}

operation alone(const char* name, const shared_fixture& f,
                asio::awaitable<void> (*body)(fixture&, std::size_t)) {
  return {name, [f, body](std::size_t times) { run(f->context, [&] { return body(*f, times); }); }};
}

operation in_a_crowd(const char* name, const shared_fixture& f, decltype(&only_post) body,
                     lock_timeout longest, std::size_t coroutines = 10) {
  return {name, [=](std::size_t times) {
            for (std::size_t i = 0; i < coroutines; ++i)
              asio::co_spawn(f->context, body(*f, longest, times / coroutines), asio::detached);
            f->context.restart();
            f->context.run();
          }};
}

}  // namespace

std::vector<operation> lock_operations() {
  const auto f = std::make_shared<fixture>(), with_timer = beside_timer();
  const auto forever = lock_timeout::forever();
  return {
      alone("acquire/ready_coroutine", f, await_ready),
      alone("acquire/coroutine", f, acquire_free),
      in_a_crowd("hand_off/post", f, only_post, forever),
      in_a_crowd("hand_off/floor", f, post_each_way, forever, 1),
      in_a_crowd("hand_off/coroutine", f, hold_across_post, forever),
      // One alone, for of those who hand the lock on one is ready at a time.
      in_a_crowd("hand_off/post_beside_timer", with_timer, only_post, forever, 1),
      in_a_crowd("hand_off/floor_beside_timer", with_timer, post_each_way, forever, 1),
      in_a_crowd("hand_off/coroutine_with_deadline", with_timer, hold_across_post,
                 std::chrono::seconds(30)),
  };
}

}  // namespace coramfs::bench
