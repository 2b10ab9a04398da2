// SPDX-License-Identifier: BSL-1.0
// Contexts that are destroyed while coroutines on them wait.
#include "api/coroutines.hpp"

#include "support/await_waiting.hpp"

#include <future>
#include <memory>
#include <optional>

namespace coramfs::tests {

namespace {

constexpr open_options at_once{.timeout = lock_timeout::immediate()};

}  // namespace

TEST_CASE("dying context: its waiters leave uncalled, and nothing stays", "[api][coroutines]") {
  const auto v = volume::create().value();
  sync::file_system threads(v);
  auto holder = threads.open("/a", open_mode::create).value();
  bool resumed = false;
  const auto alive = std::make_shared<int>(0);
  {
    asio::io_context context;
    file_system fs(context.get_executor(), v);
    for (const auto mode : {open_mode::read, open_mode::write, open_mode::read}) {
      spawn(context, [&, mode, alive]() -> asio::awaitable<void> {
        const auto f = co_await fs.open("/a", mode);
        resumed = true;
      });
    }
    context.poll();
    CHECK(v.stats().waiting == 3);
  }
  CHECK(!resumed);
  CHECK(alive.use_count() == 1);
  CHECK(v.stats().waiting == 0);
  holder.close().value();
  CHECK(threads.open("/a", open_mode::update, at_once).has_value());
}

TEST_CASE("dying context: those behind its waiters get in", "[api][coroutines][fairness]") {
  const auto v = volume::create().value();
  sync::file_system threads(v);
  threads.write_file("/a", buffer_of("abc")).value();
  const auto holder = threads.open("/a", open_mode::read).value();
  asio::io_context living;
  auto dying = std::make_unique<asio::io_context>();
  file_system one(dying->get_executor(), v), two(living.get_executor(), v);
  bool in = false;
  spawn(*dying, [&]() -> asio::awaitable<void> {
    const auto f = co_await one.open("/a", open_mode::write);
  });
  dying->poll();
  spawn(living, [&]() -> asio::awaitable<void> {
    const auto f = co_await two.open("/a", open_mode::read);
    in = f.has_value();
  });
  living.poll();
  auto thread = std::async(std::launch::async,
                           [&] { return threads.open("/a", open_mode::read).has_value(); });
  await_waiting(v, 3);
  CHECK(!in);
  dying.reset();
  living.run();
  CHECK(in);
  CHECK(thread.get());
  CHECK(v.stats().waiting == 0);
}

TEST_CASE("dying context: what was granted and never ran is passed on",
          "[api][coroutines][fairness]") {
  const auto v = volume::create().value();
  sync::file_system threads(v);
  std::optional<sync::file> holder = threads.open("/a", open_mode::create).value();
  bool resumed = false;
  {
    asio::io_context context;
    file_system fs(context.get_executor(), v);
    for (int i = 0; i < 2; ++i) {
      spawn(context, [&]() -> asio::awaitable<void> {
        const auto f = co_await fs.open("/a", open_mode::write);
        resumed = true;
      });
    }
    context.poll();
    CHECK(v.stats().waiting == 2);
    holder.reset();
    CHECK(error_of(threads.open("/a", open_mode::read, at_once)) == errc::would_block);
  }
  CHECK(!resumed);
  CHECK(threads.open("/a", open_mode::update, at_once).has_value());
  threads.remove("/a").value();
  CHECK(v.stats().used_bytes == 0);
}

TEST_CASE("dying context: deadlines that were running do no harm", "[api][coroutines]") {
  const auto v = volume::create().value();
  sync::file_system threads(v);
  auto holder = threads.open("/a", open_mode::create).value();
  for (int i = 0; i < 20; ++i) {
    asio::io_context context;
    file_system fs(context.get_executor(), v);
    for (const int length : {1, 50, 2000}) {
      spawn(context, [&, length]() -> asio::awaitable<void> {
        const std::chrono::microseconds longest(length);
        const auto f = co_await fs.open("/a", open_mode::read, {.timeout = longest});
        CHECK(error_of(f) == errc::timed_out);
      });
    }
    context.poll();
    context.run_one();
  }
  CHECK(v.stats().waiting == 0);
  holder.close().value();
  CHECK(threads.open("/a", open_mode::update, at_once).has_value());
}

}  // namespace coramfs::tests
