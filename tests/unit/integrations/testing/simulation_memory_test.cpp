// SPDX-License-Identifier: BSL-1.0
// Memory that is refused to a simulation: nothing is lost, and nothing ends the process.
#include <coramfs/rw_lock.hpp>
#include <coramfs/testing.hpp>

#include "allocation/malloc_faults.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/post.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <new>
#include <optional>
#include <string>

namespace coramfs::tests {

namespace {

using namespace std::chrono_literals;
using asio::awaitable;
using testing::schedule;
using testing::simulation;
using testing::timer;

/// Does something, and again if there was no memory for it.
template <class Function>
void insist(Function f) {
  for (;;) {
    try {
      f();
      return;
    } catch (const std::bad_alloc&) {
    }
  }
}

}  // namespace

TEST_CASE("simulation memory: no wait and no step is lost", "[testing][allocation]") {
  bool has_failed = true;
  std::size_t nth = 0;
  while (has_failed) {
    ++nth;
    INFO("the allocation that fails: " << nth);
    simulation sim(schedule::fifo());
    int expired = 0, aborted = 0, run = 0;
    const auto told = [&](const asio_error_code& ec) { ++(ec ? aborted : expired); };
    timer first(sim, 1h), second(sim, 2h);
    for (timer* const t : {&first, &first, &second, &second, &second}) t->async_wait(told);
    for (int i = 0; i < 100; ++i) asio::post(sim.get_executor(), [&] { ++run; });
    std::size_t canceled = 0;
    {
      const malloc_faults failing(nth_allocation(nth));
      insist([&] { sim.advance(first.expiry() - sim.now()); });
      insist([&] { canceled += second.cancel_one(); });
      insist([&] { canceled += second.cancel(); });
      insist([&] {
        while (sim.step()) continue;
      });
      has_failed = failing.has_failed();
    }
    CHECK(expired == 2);
    CHECK(aborted == 3);
    CHECK(run == 100);
    CHECK(sim.run());
  }
  CHECK(nth > 3);
}

TEST_CASE("simulation memory: a coroutine that could not begin is not missed",
          "[testing][allocation]") {
  const auto returns = []() -> awaitable<void> { co_return; };
  // Its name, its entry and its frames. Asio itself ends the process where its first step finds no
  // memory.
  for (std::size_t nth = 1; nth <= 4; ++nth) {
    INFO("the allocation that fails: " << nth);
    simulation sim;
    bool has_failed = false, has_begun = false;
    {
      const malloc_faults failing(nth_allocation(nth));
      try {
        sim.spawn(returns, "a name that is too long to be a part of the string");
        has_begun = true;
      } catch (const std::bad_alloc&) {
      }
      has_failed = failing.has_failed();
    }
    CHECK(has_begun == !has_failed);
    CHECK(sim.look().coroutines.size() == (has_begun ? 1 : 0));
    CHECK(sim.run());
  }
}

TEST_CASE("simulation memory: a timer that ends without any lets its waits go on",
          "[testing][allocation]") {
  simulation sim(schedule::fifo());
  int told = 0;
  auto t = std::make_optional<timer>(sim.get_executor(), 1h);
  for (int i = 0; i < 20; ++i) t->async_wait([&](const asio_error_code&) { ++told; });
  {
    const malloc_faults failing(nth_allocation(1, true));
    t.reset();
  }
  CHECK(sim.run());
  CHECK(told == 20);
}

TEST_CASE("simulation memory: a stream loses no byte and no wait", "[testing][allocation]") {
  bool has_failed = true;
  std::size_t nth = 0;
  while (has_failed) {
    ++nth;
    INFO("the allocation that fails: " << nth);
    simulation sim(schedule::fifo());
    testing::stream_pair p(sim, {.capacity_bytes = 8, .longest_delay = 1ms});
    const std::string text = "sixteen letters.";
    std::string seen;
    seen.reserve(text.size());
    std::array<char, 16> buffer{};
    const auto told = [&](const asio_error_code& ec, std::size_t n) {
      if (!ec) seen.append(buffer.data(), n);
    };
    std::size_t sent = 0;
    bool is_sending = false;
    {
      const malloc_faults failing(nth_allocation(nth));
      while (seen.size() < text.size()) {
        if (!is_sending && sent < text.size()) {
          insist([&] {
            p.first.async_write_some(asio::buffer(text) + sent,
                                     [&](const asio_error_code&, std::size_t n) {
                                       sent += n;
                                       is_sending = false;
                                     });
          });
          is_sending = true;
        }
        const std::size_t before = seen.size();
        insist([&] { p.second.async_read_some(asio::buffer(buffer), told); });
        bool goes_on = true;
        while (goes_on && seen.size() == before) insist([&] { goes_on = sim.step(); });
        if (!goes_on) break;
      }
      has_failed = failing.has_failed();
    }
    CHECK(seen == text);
    CHECK(sim.run());
  }
  CHECK(nth > 5);
}

TEST_CASE("simulation memory: who waits for a stream is woken when there is some again",
          "[testing][allocation]") {
  bool has_failed = true;
  for (std::size_t nth = 1; has_failed; ++nth) {
    INFO("the allocation that fails: " << nth);
    simulation sim(schedule::fifo());
    testing::stream_pair p(sim);
    std::array<char, 16> buffer{};
    int read = 0, written = 0;
    const auto has_read = [&](const asio_error_code&, std::size_t) { ++read; };
    const auto has_written = [&](const asio_error_code&, std::size_t) { ++written; };
    p.second.async_read_some(asio::buffer(buffer), has_read);
    {
      const malloc_faults failing(nth_allocation(nth));
      insist([&] { p.first.async_write_some(asio::buffer("x", 1), has_written); });
      has_failed = failing.has_failed();
    }
    CHECK(sim.run());
    CHECK(read == 1);
    CHECK(written == 1);
  }
}

TEST_CASE("simulation memory: a deadline of coramfs is cancelled without any",
          "[testing][allocation]") {
  rw_lock lock;
  simulation sim(schedule::fifo());
  REQUIRE(lock.try_lock());
  bool is_had = false;
  sim.spawn([&]() -> awaitable<void> { is_had = (co_await lock.acquire(1h)).has_value(); });
  while (!sim.is_idle()) sim.step();
  {
    const malloc_faults failing(nth_allocation(1, true));
    lock.unlock();
  }
  CHECK(sim.run());
  CHECK(is_had);
}

}  // namespace coramfs::tests
