// SPDX-License-Identifier: BSL-1.0
// Memory files that are awaited: on which threads the host is called, cancellations, and waits.
#include <coramfs/memfd.hpp>

#include "api/coroutines.hpp"
#include "support/await_waiting.hpp"
#include "unit/integrations/host/host_calls.hpp"
#include "unit/integrations/host/memfd_by.hpp"
#include "unit/integrations/host/scratch.hpp"

#include <asio/executor_work_guard.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include <sys/mman.h>
#include <unistd.h>

namespace coramfs::tests {

namespace {

/// Begins an operation, and cancels it, or destroys its context, while the third call of that name
/// is under way: there is no fourth, and soon the volume is as before.
template <class Operation>
void end_amid(const volume& v, std::string_view name, bool dies, const Operation& operation) {
  const auto used = v.stats().used_bytes;
  std::atomic<int> calls{0};
  std::atomic<bool> go_on{false};
  const host_call_watch watch([&](std::string_view call) {
    if (call == name && ++calls == 3) await([&] { return go_on.load(); });
  });
  std::optional<error> why;
  auto context = std::make_unique<asio::io_context>();
  file_system fs(*context, v);
  asio::cancellation_signal signal;
  spawn(*context, signal, [&]() -> asio::awaitable<void> { why = co_await operation(fs); });
  auto work = asio::make_work_guard(*context);
  while (calls < 3) context->poll();
  // All of it is paid for.
  CHECK(v.stats().used_bytes >= used + (8 << 20));
  if (dies) {
    work.reset();
    context.reset();
    go_on = true;
  } else {
    signal.emit(asio::cancellation_type::terminal);
    context->poll();
    CHECK(!why);
    go_on = true;
    while (!why) context->run_one();
    CHECK(*why == errc::canceled);
    work.reset();
  }
  // The library's pool lets go of it.
  await([&] {
    const auto now = v.stats();
    return now.used_bytes == used && now.open_handles == 0 && now.pins == 0;
  });
  CHECK(calls == 3);
}

}  // namespace

TEST_CASE("memory files: no call of the host's that may block is on the awaiting executor",
          "[memfd]") {
  const auto v = volume::create().value();
  sync::file_system threads(v);
  threads.write_text("/a", std::string((2 << 20) + 5, 'a')).value();
  asio::io_context context;
  file_system fs(context, v);
  const auto here = std::this_thread::get_id();
  std::atomic<int> calls{0}, calls_here{0};
  int ended = 0;
  {
    const host_call_watch watch([&](std::string_view call) {
      ++calls;
      if (call != "close" && std::this_thread::get_id() == here) ++calls_here;
    });
    spawn(context, [&]() -> asio::awaitable<void> {
      const auto memory = co_await to_memfd(fs, "/a");
      const auto size = co_await from_memfd(fs, memory.value().fd(), "/b");
      if (size.value() == (2 << 20) + 5) ++ended;
    });
    context.run();
  }
  CHECK(ended == 1);
  CHECK(calls > 10);
  CHECK(calls_here == 0);
  CHECK(threads.read_text("/b").value() == threads.read_text("/a").value());
}

TEST_CASE("to_memfd: cancelled between two pieces it leaves nothing", "[memfd][cancellation]") {
  const bool dies = GENERATE(false, true);
  const auto v = volume::create().value();
  sync::file_system(v).write_text("/a", std::string(8 << 20, 'a')).value();
  const std::size_t descriptors = open_descriptors();
  const auto copy = [](file_system& fs) -> asio::awaitable<error> {
    const auto done = co_await to_memfd(fs, "/a");
    co_return error_of(done);
  };
  end_amid(v, "writev", dies, copy);
  await([&] { return open_descriptors() == descriptors; });
}

TEST_CASE("to_memfd: cancelled while it waits for the lock", "[memfd][cancellation]") {
  const auto v = volume::create({.default_lock_timeout = lock_timeout::forever()}).value();
  sync::file_system threads(v);
  threads.write_text("/a", "content").value();
  auto writer = threads.open("/a", open_mode::update).value();
  asio::io_context context;
  file_system fs(context, v);
  asio::cancellation_signal signal;
  std::optional<error> why;
  bool is_alive = false;
  spawn(context, signal, [&]() -> asio::awaitable<void> {
    // It throws nothing itself, and gives the coroutine back as it was.
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto done = co_await to_memfd(fs, "/a");
    why = error_of(done);
    is_alive = !co_await asio::this_coro::throw_if_cancelled();
  });
  while (v.stats().waiting == 0) context.run_one();
  signal.emit(asio::cancellation_type::terminal);
  context.run();
  CHECK(*why == errc::canceled);
  CHECK(is_alive);
  CHECK(v.stats().waiting == 0);
}

TEST_CASE("from_memfd: cancelled between two pieces it leaves nothing", "[memfd][cancellation]") {
  const bool dies = GENERATE(false, true);
  const auto existing = GENERATE(if_exists::fail, if_exists::replace);
  const auto v = volume::create().value();
  sync::file_system threads(v);
  if (existing == if_exists::replace) threads.write_text("/a", "old").value();
  const auto names = threads.list("/").value();
  const int fd = ::memfd_create("test", MFD_CLOEXEC);
  REQUIRE(::ftruncate(fd, 8 << 20) == 0);
  const auto copy = [&](file_system& fs) -> asio::awaitable<error> {
    const auto done = co_await from_memfd(fs, fd, "/a", existing);
    co_return error_of(done);
  };
  end_amid(v, "preadv64", dies, copy);
  CHECK(threads.list("/").value() == names);
  if (existing == if_exists::replace) CHECK(threads.read_text("/a").value() == "old");
  ::close(fd);
}

TEST_CASE("memory files: a coroutine that is cancelled already makes none",
          "[memfd][cancellation]") {
  const auto v = volume::create().value();
  sync::file_system threads(v);
  threads.write_text("/a", "content").value();
  const int fd = ::memfd_create("test", MFD_CLOEXEC);
  asio::io_context context;
  file_system fs(context, v);
  asio::cancellation_signal signal;
  std::optional<error> to, from;
  std::atomic<int> calls{0};
  {
    const host_call_watch watch([&](std::string_view) { ++calls; });
    spawn(context, signal, [&]() -> asio::awaitable<void> {
      co_await asio::this_coro::throw_if_cancelled(false);
      signal.emit(asio::cancellation_type::terminal);
      const auto one = co_await to_memfd(fs, "/a");
      to = error_of(one);
      const auto other = co_await from_memfd(fs, fd, "/b");
      from = error_of(other);
    });
    context.run();
  }
  CHECK(*to == errc::canceled);
  CHECK(*from == errc::canceled);
  CHECK(calls == 0);
  CHECK(threads.list("/").value().size() == 1);
  ::close(fd);
}

TEST_CASE("memory files: many at once, beside writers", "[memfd]") {
  const auto v = volume::create({.default_lock_timeout = lock_timeout::forever()}).value();
  sync::file_system threads(v);
  threads.write_text("/a", std::string(100'000, 'a')).value();
  std::atomic<bool> is_over{false};
  std::thread writer([&] {
    for (char c = 'b'; !is_over; c = c == 'z' ? 'a' : static_cast<char>(c + 1)) {
      auto f = threads.open("/a", open_mode::update).value();
      f.write(std::string(100'000, c)).value();
    }
  });
  asio::io_context context;
  file_system fs(context, v);
  int whole = 0;
  for (int i = 0; i < 20; ++i) {
    spawn(context, [&, i]() -> asio::awaitable<void> {
      for (int k = 0; k < 5; ++k) {
        const auto memory = co_await to_memfd(fs, "/a");
        const std::string to = "/copy" + std::to_string(i);
        const auto size = co_await from_memfd(fs, memory.value().fd(), to, if_exists::replace);
        const auto content = co_await fs.read_text(to);
        const bool is_whole =
            size.value() == 100'000 &&
            content.value().find_first_not_of(content.value()[0]) == std::string::npos;
        if (is_whole) ++whole;
      }
    });
  }
  context.run();
  is_over = true;
  writer.join();
  CHECK(whole == 100);
  CHECK(v.stats().open_handles == 0);
}

}  // namespace coramfs::tests
