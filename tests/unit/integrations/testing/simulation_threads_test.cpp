// SPDX-License-Identifier: BSL-1.0
// What comes from other threads, of which Asio's own timers have one.
#include <coramfs/file_system.hpp>
#include <coramfs/testing.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/awaitable.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

namespace coramfs::tests {

namespace {

using namespace std::chrono_literals;
using asio::awaitable;
using testing::schedule;
using testing::simulation;

}  // namespace

TEST_CASE("simulation threads: a task from another thread is reported, and not run",
          "[testing][threads]") {
  simulation sim;
  bool has_run = false;
  std::thread([&] { asio::post(sim.get_executor(), [&] { has_run = true; }); }).join();
  CHECK_THROWS_AS(sim.run(), std::logic_error);
  CHECK(!has_run);
}

TEST_CASE("simulation threads: a task that comes during the last step is reported, too",
          "[testing][threads]") {
  simulation sim;
  const auto hands_in = [&]() -> awaitable<void> {
    std::thread([&] { asio::post(sim.get_executor(), [] { FAIL("it has run"); }); }).join();
    co_return;
  };
  CHECK_THROWS_AS(sim.run(hands_in()), std::logic_error);
}

TEST_CASE("simulation threads: a coroutine that comes back from another context is destroyed",
          "[testing][threads]") {
  const auto alive = std::make_shared<int>(0);
  {
    asio::thread_pool pool(1);
    simulation sim;
    sim.spawn([&pool, alive]() -> awaitable<void> {
      const auto local = alive;
      co_await asio::post(pool, asio::use_awaitable);
      FAIL("it came back");
    });
    CHECK(sim.step());
    // The pool has posted back then.
    pool.join();
    CHECK_THROWS_AS(sim.run(), std::logic_error);
    CHECK(alive.use_count() == 3);
  }
  CHECK(alive.use_count() == 1);
}

TEST_CASE("simulation threads: what is destroyed may wait for a thread that still hands in tasks",
          "[testing][threads]") {
  auto sim = std::make_optional<simulation>();
  // Destroyed with the task, with no lock held that the thread needs.
  struct joins {
    simulation& in;
    ~joins() {
      std::thread([this] { asio::post(in.get_executor(), [] {}); }).join();
    }
  };
  std::shared_ptr<joins> last(new joins{*sim});
  std::thread([&] { asio::post(sim->get_executor(), [held = std::move(last)] {}); }).join();
  CHECK_THROWS_AS(sim->step(), std::logic_error);
  sim.reset();
}

TEST_CASE("simulation threads: one of Asio's own timers is reported at once, expired or not",
          "[testing][threads]") {
  for (const auto length : {std::chrono::nanoseconds(1), std::chrono::nanoseconds(1h)}) {
    std::optional<simulation> sim;
    sim.emplace();
    sim->spawn([length]() -> awaitable<void> {
      asio::steady_timer t(co_await asio::this_coro::executor, length);
      co_await t.async_wait(asio::use_awaitable);
      FAIL("it came back");
    });
    CHECK_THROWS_AS(sim->run(), std::logic_error);
  }
  simulation sim;
  CHECK_THROWS_WITH(sim.run([&]() -> awaitable<void> {
    const asio::steady_timer t(sim.get_executor(), 1h);
    co_return;
  }),
                    Catch::Contains("testing::timer"));
}

TEST_CASE("simulation threads: it belongs to the thread that has made it", "[testing][threads]") {
  auto sim = std::make_unique<simulation>();
  asio::post(sim->get_executor(), [] { FAIL("it has run"); });
  std::thread([&] {
    CHECK_THROWS_AS(sim->step(), std::logic_error);
    CHECK_THROWS_AS(sim->run(), std::logic_error);
    // This one has made none, and goes by real time.
    const auto before = std::chrono::steady_clock::now();
    const auto now = testing::clock::now();
    CHECK(before <= now);
    CHECK(now <= std::chrono::steady_clock::now());
    // The last who uses it may end it, whoever that is.
    sim.reset();
  }).join();
  // So it is not the youngest of this thread any more.
  const auto before = std::chrono::steady_clock::now();
  const auto now = testing::clock::now();
  CHECK(before <= now);
  CHECK(now <= std::chrono::steady_clock::now());
}

TEST_CASE("simulation threads: one that lives as long as the program ends with it",
          "[testing][threads]") {
  static simulation sim;
  const std::string first = sim.run([]() -> awaitable<std::string> { co_return "a"; });
  CHECK(first == "a");
}

}  // namespace coramfs::tests
