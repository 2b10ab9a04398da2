// SPDX-License-Identifier: BSL-1.0
// A step that would block the thread, and so the simulation, is reported at once.
#include <coramfs/file_system.hpp>
#include <coramfs/rw_lock.hpp>
#include <coramfs/sync/file_system.hpp>
#include <coramfs/testing.hpp>

#include "support/catch.hpp"

#include <asio/awaitable.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <thread>

namespace coramfs::tests {

namespace {

using namespace std::chrono_literals;

using asio::awaitable;
using testing::schedule;
using testing::simulation;
using testing::stuck_error;

/// A volume with a file that a handle of the blocking facade has.
struct volume_with_a_file {
  explicit volume_with_a_file(simulation& sim)
      : v(volume::create(sim.options({.default_lock_timeout = lock_timeout::forever()})).value()) {
    open_options named;
    named.label = "the first";
    held = fs.open("/f", open_mode::create, named).value();
  }

  volume v;
  sync::file_system fs{v};
  std::optional<sync::file> held;
};

}  // namespace

TEST_CASE("blocking in a step: a call that would have to wait is stuck at once",
          "[testing][blocking]") {
  simulation sim;
  auto& f = sim.keep<volume_with_a_file>(sim);
  bool has_gone_on = false, has_run_more = false;
  sim.spawn(
      [&]() -> awaitable<void> {
        const auto opened = f.fs.open("/f", open_mode::append);
        has_gone_on = opened.error() == errc::timed_out;
        co_await asio::post(asio::use_awaitable);
        has_run_more = true;
      },
      "uploader");
  std::optional<stuck_error> why;
  try {
    sim.run();
  } catch (const stuck_error& e) {
    why = e;
  }
  REQUIRE(why);
  INFO(why->what());
  CHECK(has_gone_on);
  CHECK_FALSE(has_run_more);
  REQUIRE(why->how().waits.size() == 1);
  CHECK(why->how().waits[0].is_blocking);
  CHECK(why->how().waits[0].about.path == "/f");
  const std::string text = why->what();
  CHECK(text.find("the step would block the thread, and so the simulation") != std::string::npos);
  CHECK(text.find("open \"/f\" of coroutine \"uploader\" would block since 0.000 s: held by "
                  "\"the first\" (create)") != std::string::npos);
  CHECK(sim.is_idle());
  CHECK_FALSE(sim.step());
  CHECK(f.v.stats().waiting == 0);
}

TEST_CASE("blocking in a step: so is one with a deadline, and one that waits for space",
          "[testing][blocking]") {
  simulation sim;
  auto& f = sim.keep<volume_with_a_file>(sim);
  SECTION("a deadline") {
    sim.spawn([&]() -> awaitable<void> {
      open_options soon;
      soon.timeout = 1h;
      f.fs.open("/f", open_mode::append, soon).value();
      co_return;
    });
  }
  SECTION("space") {
    sim.spawn([&]() -> awaitable<void> {
      open_options waits;
      waits.on_full = when_full::wait;
      const volume few =
          volume::create(sim.options({.max_quota = 64 * 1024, .accounting = accounting::payload}))
              .value();
      sync::file_system fs(few);
      auto first = fs.open("/a", open_mode::create).value();
      const std::string most(40 * 1024, 'x');
      first.write(asio::buffer(most)).value();
      auto second = fs.open("/b", open_mode::create, waits).value();
      second.write(asio::buffer(most)).value();
      co_return;
    });
  }
  CHECK_THROWS_AS(sim.run(), stuck_error);
}

TEST_CASE("blocking in a step: a lock that is not had for a while says so", "[testing][blocking]") {
  simulation sim;
  auto& lock = sim.keep<rw_lock>();
  lock.lock();
  bool had = true;
  sim.spawn([&]() -> awaitable<void> {
    had = lock.lock_for(1h);
    co_await asio::post(asio::use_awaitable);
  });
  CHECK_THROWS_WITH(sim.run(), Catch::Contains("rw_lock 1 of coroutine 1 would block since"));
  CHECK_FALSE(had);
  lock.unlock();
}

TEST_CASE("blocking in a step: what need not wait is had", "[testing][blocking]") {
  simulation sim;
  auto& f = sim.keep<volume_with_a_file>(sim);
  bool was_busy = false;
  sim.run([&]() -> awaitable<void> {
    auto other = f.fs.open("/g", open_mode::create);
    CHECK(other.has_value());
    open_options at_once;
    at_once.timeout = lock_timeout::immediate();
    was_busy = f.fs.open("/f", open_mode::append, at_once).error() == errc::would_block;
    co_return;
  });
  CHECK(was_busy);
}

TEST_CASE("blocking in a step: outside of steps, and in other threads, a call waits",
          "[testing][blocking]") {
  simulation sim;
  auto& lock = sim.keep<rw_lock>();
  lock.lock();
  std::optional<std::thread> other;
  std::optional<bool> had;
  sim.run([&]() -> awaitable<void> {
    other.emplace([&] { had = lock.lock_for(1h); });
    co_return;
  });
  lock.unlock();
  other->join();
  CHECK(had == true);
  CHECK_FALSE(lock.lock_for(1ms));
  lock.unlock();
}

}  // namespace coramfs::tests
