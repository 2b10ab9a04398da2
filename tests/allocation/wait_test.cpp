// SPDX-License-Identifier: BSL-1.0
// Memory that is refused while waits end: in the thread that lets others in, and on the context.
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "allocation/malloc_faults.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <future>
#include <new>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace coramfs::tests {

namespace {

void rethrow(std::exception_ptr thrown) {
  if (thrown) std::rethrow_exception(thrown);
}

/// A file that a thread holds, and a context. No strand: one of Asio's that is refused memory for
/// its own post stays locked for ever, with all that it has taken.
struct fixture {
  asio::io_context context;
  volume v = volume::create().value();
  file_system fs{context.get_executor(), v};
  sync::file_system threads{v};
  sync::file holder = threads.open("/a", open_mode::create).value();
};

/// No memory, until another thread says that it is over.
struct shortage final : testing::fault_policy {
  std::optional<error> at(testing::fault_point, std::string_view, std::uint64_t) override {
    if (is_over) return std::nullopt;
    is_felt = true;
    return errc::out_of_memory;
  }

  std::atomic<bool> is_felt{false}, is_over{false};
};

}  // namespace

TEST_CASE("waits and allocations: a close lets others in whatever memory it is refused",
          "[allocation][coroutines]") {
  const bool for_ever = GENERATE(false, true);
  const bool with_token = GENERATE(false, true);
  bool has_failed = true;
  for (std::size_t nth = 1; has_failed; ++nth) {
    INFO("the allocation that fails: " << nth);
    fixture t;
    bool opened = false;
    if (with_token) {
      t.fs.open("/a", open_mode::update, {}, [&](result<file> f) { opened = f.has_value(); });
    } else {
      asio::co_spawn(
          t.context,
          [&]() -> asio::awaitable<void> {
            const auto f = co_await t.fs.open("/a", open_mode::update);
            opened = f.has_value();
          },
          rethrow);
    }
    t.context.poll();
    REQUIRE(t.v.stats().waiting == 1);
    {
      const malloc_faults failing(nth_allocation(nth, for_ever));
      t.holder.close().value();
      has_failed = failing.has_failed();
    }
    t.context.restart();
    t.context.run();
    CHECK(opened);
    CHECK(t.v.stats().open_handles == 0);
  }
}

TEST_CASE("waits and allocations: who can not wait for lack of memory is in no queue",
          "[allocation][coroutines]") {
  bool has_failed = true;
  for (std::size_t nth = 1; has_failed; ++nth) {
    INFO("the allocation that fails: " << nth);
    fixture t;
    unsigned opened = 0, refused = 0;
    const auto body = [&]() -> asio::awaitable<void> {
      std::optional<malloc_faults> failing(std::in_place, nth_allocation(nth));
      try {
        const auto f = co_await t.fs.open("/a", open_mode::update);
        ++(f ? opened : refused);
        if (!f) CHECK(f.error() == errc::out_of_memory);
      } catch (const std::bad_alloc&) {
        ++refused;
      }
      has_failed = failing->has_failed();
    };
    asio::co_spawn(t.context, body(), rethrow);
    t.context.poll();
    CHECK(t.v.stats().waiting == 1 - refused);
    t.holder.close().value();
    t.context.restart();
    t.context.run();
    CHECK(opened + refused == 1);
    CHECK(t.v.stats().waiting == 0);
    CHECK(t.threads.open("/a", open_mode::update, {.timeout = lock_timeout::immediate()}));
  }
}

TEST_CASE("waits and allocations: a removal in turn needs no memory to go on",
          "[allocation][coroutines][remove]") {
  const bool for_ever = GENERATE(false, true);
  const bool with_token = GENERATE(false, true);
  constexpr remove_options waits{.open = if_open::wait};
  bool has_failed = true;
  for (std::size_t nth = 1; has_failed; ++nth) {
    INFO("the allocation that fails: " << nth);
    fixture t;
    bool removed = false, refused = false;
    if (with_token) {
      t.fs.remove("/a", waits, [&](result<void> r) { removed = r.has_value(); });
    } else {
      asio::co_spawn(
          t.context,
          [&]() -> asio::awaitable<void> {
            const auto r = co_await t.fs.remove("/a", waits);
            removed = r.has_value();
          },
          rethrow);
    }
    // It stands behind, and looks for another file when it is told.
    asio::co_spawn(
        t.context,
        [&]() -> asio::awaitable<void> {
          const auto f = co_await t.fs.open("/a", open_mode::read);
          refused = !f && f.error() == errc::not_found;
        },
        rethrow);
    t.context.poll();
    REQUIRE(t.v.stats().waiting == 2);
    {
      const malloc_faults failing(nth_allocation(nth, for_ever));
      t.holder.close().value();
      has_failed = failing.has_failed();
    }
    t.context.restart();
    t.context.run();
    CHECK(removed);
    CHECK(refused);
    CHECK(t.v.stats().used_bytes == 0);
  }
}

TEST_CASE("waits and allocations: deadlines come whatever memory the context is refused",
          "[allocation][coroutines]") {
  bool has_failed = true;
  for (std::size_t nth = 1; has_failed; ++nth) {
    INFO("the allocation that fails: " << nth);
    fixture t;
    int timed_out = 0;
    for (const int length : {1, 1, 2, 3}) {
      const open_options options{.timeout = std::chrono::milliseconds(length)};
      t.fs.open("/a", open_mode::update, options,
                [&](result<file> f) { timed_out += error_of(f) == errc::timed_out ? 1 : 0; });
    }
    {
      const malloc_faults failing(nth_allocation(nth));
      t.context.run();
      has_failed = failing.has_failed();
    }
    CHECK(timed_out == 4);
    CHECK(t.v.stats().waiting == 0);
  }
}

// The table of Asio's timers is full when the deadline has passed, so to wait for the next deadline
// needs memory, and no handler is pending that could try again later.
TEST_CASE("waits and allocations: a context without memory for its timer holds up no other thread",
          "[allocation][coroutines][threads]") {
  fixture t;
  const auto now = std::chrono::steady_clock::now();
  asio::steady_timer first(t.context, now),
      others[2]{asio::steady_timer(t.context), asio::steady_timer(t.context)};
  shortage of_memory;
  std::optional<malloc_faults> failing;
  std::future<void> other;
  int timed_out = 0;
  const auto count = [&](const result<file>& f) {
    timed_out += error_of(f) == errc::timed_out ? 1 : 0;
  };
  const auto open_within = [&](std::chrono::milliseconds patience) {
    const open_options options{.timeout = patience};
    t.fs.open("/a", open_mode::update, options, count);
  };
  first.async_wait([&](asio_error_code) {
    for (auto& other_timer : others) {
      other_timer.expires_at(now + std::chrono::hours(1));
      other_timer.async_wait([](asio_error_code) {});
    }
    other = std::async(std::launch::async, [&] {
      const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
      while (!of_memory.is_felt && std::chrono::steady_clock::now() < patience)
        std::this_thread::yield();
      open_within(std::chrono::milliseconds(2));
      of_memory.is_over = true;
    });
    failing.emplace(of_memory);
  });
  open_within(std::chrono::milliseconds(1));
  open_within(std::chrono::milliseconds(50));
  REQUIRE(t.v.stats().waiting == 2);
  // Both the first timer and the one of the first deadline are due when the context runs.
  const auto due = std::chrono::steady_clock::now() + std::chrono::milliseconds(1);
  while (std::chrono::steady_clock::now() < due) std::this_thread::yield();
  while (timed_out < 3) t.context.run_one();
  CHECK(failing->has_failed());
  failing.reset();
  other.get();
  CHECK(t.v.stats().waiting == 0);
}

}  // namespace coramfs::tests
