// SPDX-License-Identifier: BSL-1.0
// open, acquire and acquire_shared with every kind of completion token.
#include <coramfs/rw_lock.hpp>

#include "api/coroutines.hpp"
#include "api/token_fixture.hpp"
#include "api/tokens.hpp"
#include "support/await_waiting.hpp"

#include <asio/bind_executor.hpp>
#include <asio/detached.hpp>
#include <asio/strand.hpp>
#include <asio/system_executor.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace coramfs::tests {

TEST_CASE("tokens: a callback is called later, on its own executor", "[api][tokens]") {
  token_fixture t;
  auto strand = asio::make_strand(t.context);
  std::optional<bool> on_strand;
  const auto take = [&](result<file> f) { on_strand = f && strand.running_in_this_thread(); };
  SECTION("when the lock is free") {
    t.fs.open("/a", open_mode::read, {}, asio::bind_executor(strand, take));
    CHECK(!on_strand);
    t.context.run();
  }
  SECTION("when it waits") {
    auto holder = t.threads.open("/a", open_mode::update).value();
    t.fs.open("/a", open_mode::read, {}, asio::bind_executor(strand, take));
    t.context.poll();
    CHECK(t.v.stats().waiting == 1);
    holder.close().value();
    CHECK(!on_strand);
    t.context.run();
  }
  CHECK(on_strand == true);
  CHECK(t.is_clean());
}

TEST_CASE("tokens: a file system that is const does what any does", "[api][tokens]") {
  token_fixture t;
  t.threads.write_file("/a", "abc").value();
  const auto read = [fs = t.fs] { return fs.read_text("/a", asio::use_future); };
  const auto list = [fs = t.threads] { return fs.list("/").value(); };
  auto text = read();
  t.context.run();
  CHECK(text.get().value() == "abc");
  CHECK(list() == std::vector<std::string>{"a"});
}

TEST_CASE("tokens: an error is told as a result is", "[api][tokens]") {
  token_fixture t;
  error seen = std::error_code();
  t.fs.open("/missing", open_mode::read, {}, [&](result<file> f) { seen = error_of(f); });
  CHECK(!seen.code());
  t.context.run();
  CHECK(seen == errc::not_found);
}

TEST_CASE("tokens: use_awaitable is the coroutine, with any executor", "[api][tokens]") {
  token_fixture t;
  int had = 0;
  spawn(t.context, [&]() -> asio::awaitable<void> {
    const auto f = co_await t.fs.open("/a", open_mode::read, {}, asio::use_awaitable);
    had += f.has_value() ? 1 : 0;
  });
  using executor = asio::io_context::executor_type;
  auto holder = t.threads.open("/a", open_mode::update).value();
  asio::co_spawn(
      t.context,
      [&]() -> asio::awaitable<void, executor> {
        asio::use_awaitable_t<executor> token;
        const auto f = co_await t.fs.open("/a", open_mode::read, {}, token);
        had += f.has_value() ? 1 : 0;
      },
      rethrow);
  t.context.poll();
  CHECK(t.v.stats().waiting == 2);
  holder.close().value();
  t.context.run();
  CHECK(had == 2);
  CHECK(t.is_clean());
}

TEST_CASE("tokens: a future waits for the lock", "[api][tokens]") {
  token_fixture t;
  auto holder = t.threads.open("/a", open_mode::update).value();
  std::future<result<file>> opened = t.fs.open("/a", open_mode::read, {}, asio::use_future);
  auto pool = std::async(std::launch::async, [&] { t.context.run(); });
  await_waiting(t.v, 1);
  holder.close().value();
  CHECK(opened.get().value().readable());
  pool.get();
  CHECK(t.is_clean());
}

TEST_CASE("tokens: deferred begins when it is launched", "[api][tokens]") {
  token_fixture t;
  auto open = t.fs.open("/new", open_mode::create, {}, deferred);
  CHECK(!t.threads.exists("/new").value());
  bool had = false;
  std::move(open)([&](result<file> f) { had = f.has_value(); });
  t.context.run();
  CHECK(had);
  CHECK(t.threads.exists("/new").value());
}

TEST_CASE("tokens: as_tuple gives the result alone", "[api][tokens]") {
  token_fixture t;
  bool had = false;
  spawn(t.context, [&]() -> asio::awaitable<void> {
    const auto token = as_tuple(asio::use_awaitable);
    auto opened = co_await t.fs.open("/a", open_mode::read, {}, token);
    had = std::get<0>(opened).has_value();
  });
  t.context.run();
  CHECK(had);
  CHECK(t.is_clean());
}

TEST_CASE("tokens: a file that nobody takes closes itself", "[api][tokens]") {
  token_fixture t;
  t.fs.open("/a", open_mode::update, {}, asio::detached);
  t.context.run();
  CHECK(t.is_clean());
}

TEST_CASE("tokens: a bound slot cancels the wait", "[api][tokens][cancellation]") {
  token_fixture t;
  auto holder = t.threads.open("/a", open_mode::update).value();
  const auto type = GENERATE(asio::cancellation_type::terminal, asio::cancellation_type::partial,
                             asio::cancellation_type::total);
  asio::cancellation_signal signal;
  error seen = std::error_code();
  t.fs.open(
      "/a", open_mode::read, {},
      asio::bind_cancellation_slot(signal.slot(), [&](result<file> f) { seen = error_of(f); }));
  t.context.poll();
  CHECK(t.v.stats().waiting == 1);
  signal.emit(type);
  CHECK(!seen.code());
  t.context.restart();
  t.context.run();
  CHECK(seen == errc::canceled);
  signal.emit(type);
  holder.close().value();
  CHECK(t.is_clean());
}

TEST_CASE("tokens: a timeout ends the wait", "[api][tokens]") {
  token_fixture t;
  const auto holder = t.threads.open("/a", open_mode::update).value();
  error seen = std::error_code();
  const open_options soon{.timeout = std::chrono::milliseconds(1)};
  t.fs.open("/a", open_mode::read, soon, [&](result<file> f) { seen = error_of(f); });
  t.context.run();
  CHECK(seen == errc::timed_out);
  CHECK(t.v.stats().waiting == 0);
}

TEST_CASE("tokens: memory comes from the handler's allocator, and is back before it is called",
          "[api][tokens]") {
  token_fixture t;
  counts c;
  std::optional<int> live;
  const auto take = [&](result<file>) { live = c.live.load(); };
  SECTION("when the lock is free") {
    t.fs.open("/a", open_mode::read, {}, allocating{take, &c});
    t.context.run();
  }
  SECTION("when it waits") {
    auto holder = t.threads.open("/a", open_mode::update).value();
    t.fs.open("/a", open_mode::read, {}, allocating{take, &c});
    t.context.poll();
    holder.close().value();
    t.context.restart();
    t.context.run();
  }
  CHECK(c.allocations > 0);
  CHECK(live == 0);
  CHECK(c.live == 0);
}

TEST_CASE("tokens: a wait for room ends with the file", "[api][tokens][space]") {
  asio::io_context context;
  const auto v = volume::create({.max_quota = 1000, .accounting = accounting::payload}).value();
  file_system fs(context.get_executor(), v);
  sync::file_system threads(v);
  threads.write_file("/large", buffer_of(std::string(600, 'x'))).value();
  std::optional<result<file>> opened;
  const open_options wait{.preallocate = 500, .on_full = when_full::wait};
  fs.open("/a", open_mode::create, wait, [&](result<file> f) { opened = std::move(f); });
  context.poll();
  CHECK(v.stats().waiting == 1);
  CHECK(!threads.exists("/a").value());
  threads.remove("/large").value();
  context.restart();
  context.run();
  REQUIRE(opened.has_value());
  CHECK(opened->value().size().value() == 500);
  CHECK(v.stats().used_bytes == 500);
}

TEST_CASE("tokens: a context that dies destroys its handlers uncalled", "[api][tokens]") {
  const auto v = volume::create().value();
  sync::file_system threads(v);
  auto holder = threads.open("/a", open_mode::create).value();
  const auto alive = std::make_shared<int>(0);
  bool called = false;
  const bool was_granted = GENERATE(false, true);
  {
    asio::io_context context;
    file_system fs(context.get_executor(), v);
    fs.open("/a", open_mode::read, {}, [&called, alive](result<file>) { called = true; });
    context.poll();
    if (was_granted) holder.close().value();
  }
  holder.close().value();
  CHECK(!called);
  CHECK(alive.use_count() == 1);
  CHECK(v.stats().waiting == 0);
  CHECK(threads.open("/a", open_mode::update, at_once).has_value());
}

TEST_CASE("tokens: operations that begin the next one grow no stack", "[api][tokens]") {
  token_fixture t;
  int left = 100'000;
  std::function<void(result<file>)> next = [&](result<file> f) {
    f.value().close().value();
    if (--left > 0) t.fs.open("/a", open_mode::read, {}, next);
  };
  t.fs.open("/a", open_mode::read, {}, next);
  t.context.run();
  CHECK(left == 0);
  CHECK(t.is_clean());
}

#if CORAMFS_ASIO_VERSION >= 102700
TEST_CASE("tokens: an immediate executor decides where an open that need not wait ends",
          "[api][tokens]") {
  token_fixture t;
  bool called = false;
  t.fs.open("/a", open_mode::read, {},
            asio::bind_immediate_executor(asio::system_executor(),
                                          [&](result<file> f) { called = f.has_value(); }));
  CHECK(called);
  CHECK(t.is_clean());
}
#endif

#if CORAMFS_ASIO_VERSION >= 103100
TEST_CASE("tokens: cancel_after cancels the wait", "[api][tokens][cancellation]") {
  token_fixture t;
  const auto holder = t.threads.open("/a", open_mode::update).value();
  error seen = std::error_code();
  t.fs.open("/a", open_mode::read, {},
            asio::cancel_after(std::chrono::milliseconds(1),
                               [&](result<file> f) { seen = error_of(f); }));
  t.context.run();
  CHECK(seen == errc::canceled);
  CHECK(t.v.stats().waiting == 0);
}
#endif

TEST_CASE("tokens: an rw_lock takes them too", "[api][tokens][rw_lock]") {
  asio::io_context context;
  rw_lock lock;
  const auto forever = lock_timeout::forever();
  SECTION("a callback waits on its executor") {
    lock.lock();
    bool had = false;
    lock.acquire_shared(forever, asio::bind_executor(context, [&](result<shared_hold> hold) {
                          had = hold.has_value() && !lock.try_lock();
                        }));
    context.poll();
    CHECK(!had);
    lock.unlock();
    context.restart();
    context.run();
    CHECK(had);
  }
  SECTION("a callback without an executor waits on the system's") {
    lock.lock();
    std::promise<bool> had;
    lock.acquire(forever, [&](result<unique_hold> hold) { had.set_value(hold.has_value()); });
    lock.unlock();
    CHECK(had.get_future().get());
    while (!lock.try_lock()) std::this_thread::yield();
    lock.unlock();
  }
  SECTION("a future") {
    lock.lock_shared();
    auto hold = lock.acquire(std::chrono::milliseconds(1), asio::use_future);
    CHECK(error_of(hold.get()) == errc::timed_out);
    lock.unlock_shared();
    CHECK(lock.acquire(forever, asio::use_future).get().has_value());
  }
  SECTION("a coroutine on any executor") {
    asio::thread_pool pool(2);
    bool had = false;
    asio::co_spawn(
        pool,
        [&]() -> asio::awaitable<void, asio::thread_pool::executor_type> {
          asio::use_awaitable_t<asio::thread_pool::executor_type> token;
          const auto hold = co_await lock.acquire(forever, token);
          had = hold.has_value();
        },
        rethrow);
    pool.join();
    CHECK(had);
  }
  CHECK(lock.try_lock());
  lock.unlock();
}

}  // namespace coramfs::tests
