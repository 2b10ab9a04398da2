// SPDX-License-Identifier: BSL-1.0
// Virtual time: that of deadlines, of nodes, of the guard, and of clocks.
#include <coramfs/file_system.hpp>
#include <coramfs/rw_lock.hpp>
#include <coramfs/testing.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/awaitable.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace coramfs::tests {

namespace {

using namespace std::chrono_literals;
using asio::awaitable;
using testing::schedule;
using testing::simulation;

constexpr std::chrono::sys_days year_2000 = std::chrono::year(2000) / 1 / 1;

}  // namespace

TEST_CASE("simulation time: it begins with the year 2000, and stands still while anything is ready",
          "[testing][time]") {
  simulation sim;
  CHECK(sim.clock()->system_now() == year_2000);
  const auto begin = sim.now();
  for (int i = 0; i < 100; ++i) asio::post(sim.get_executor(), [] {});
  CHECK(sim.run());
  CHECK(sim.now() == begin);
  sim.advance(3h);
  CHECK(sim.now() == begin + 3h);
  CHECK(sim.clock()->system_now() == year_2000 + 3h);
  CHECK(sim.clock()->steady_now() == sim.now());
}

TEST_CASE("simulation time: it jumps to the deadlines of waits", "[testing][time]") {
  simulation sim(schedule::uniform(GENERATE(range<std::uint64_t>(0, 10))));
  const volume v = volume::create({.clock = sim.clock()}).value();
  file_system fs(sim.get_executor(), v);
  const auto begin = sim.now();
  std::optional<file> held = sim.run(fs.open("/f", open_mode::create)).value();
  std::string ended;
  const auto waits = [&](char name, lock_timeout patience) -> awaitable<void> {
    const auto f = co_await fs.open("/f", open_mode::update, {.timeout = patience});
    CHECK(error_of(f) == errc::timed_out);
    ended += name;
    ended += std::to_string((sim.now() - begin) / 1h) + ' ';
  };
  sim.spawn(waits('a', 30h));
  sim.spawn(waits('b', 10h));
  sim.spawn(waits('c', 20h));
  CHECK(sim.run());
  CHECK(ended == "b10 c20 a30 ");
  CHECK(v.stats().waiting == 0);
}

TEST_CASE("simulation time: a wait that is granted leaves no time behind", "[testing][time]") {
  simulation sim;
  rw_lock lock;
  REQUIRE(lock.try_lock());
  const auto begin = sim.now();
  bool is_had = false;
  sim.spawn([&]() -> awaitable<void> { is_had = (co_await lock.acquire(1h)).has_value(); });
  sim.spawn([&]() -> awaitable<void> {
    lock.unlock();
    co_return;
  });
  CHECK(sim.run());
  CHECK(is_had);
  CHECK(sim.now() == begin);
}

TEST_CASE("simulation time: under pressure a timeout overtakes a grant that is on its way",
          "[testing][time]") {
  const auto is_had = [](schedule how) {
    simulation sim(how);
    rw_lock lock;
    REQUIRE(lock.try_lock());
    bool had = false;
    sim.spawn([&]() -> awaitable<void> { had = (co_await lock.acquire(1h)).has_value(); });
    sim.spawn([&]() -> awaitable<void> {
      for (int i = 0; i < 3; ++i) co_await asio::post(asio::use_awaitable);
      lock.unlock();
    });
    CHECK(sim.run());
    CHECK(lock.try_lock());
    lock.unlock();
    return had;
  };
  int had = 0, pressed = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    auto how = schedule::uniform(seed);
    CHECK(is_had(how));
    how.time_pressure = 0.2;
    had += is_had(how);
    how.time_pressure = 1;
    pressed += is_had(how);
  }
  CHECK(had > 0);
  CHECK(had < 200);
  // Nobody waits for a time before the waiter has begun: only who comes late finds the lock free.
  CHECK(pressed < had);
  auto fifo = schedule::fifo();
  CHECK(to_string(fifo) == "fifo()");
  fifo.time_pressure = 0.25;
  CHECK(to_string(fifo) == "fifo().with_time_pressure(0.25)");
  CHECK(fifo == schedule::fifo().with_time_pressure(0.25));
  const double third = 1.0 / 3;
  const std::string text = to_string(schedule::uniform(7).with_time_pressure(third));
  CHECK(text.find("uniform(7).with_time_pressure(0.3") == 0);
  CHECK(std::stod(text.substr(text.rfind('(') + 1)) == third);
}

TEST_CASE("simulation time: the trace says where time jumped although something was ready",
          "[testing][time]") {
  simulation sim(schedule::fifo().with_time_pressure(1));
  std::string order;
  testing::timer t(sim, 1h);
  t.async_wait([&](const asio_error_code&) { order += 't'; });
  for (const char c : {'a', 'b'}) asio::post(sim.get_executor(), [&order, c] { order += c; });
  CHECK(sim.step());
  CHECK(sim.taken() == testing::trace{{0, 3, true}});
  CHECK(to_string(sim.taken()) == "step 1 took 1 of 3 after a jump");
  CHECK(sim.run());
  CHECK(order == "abt");
  // With nothing ready time jumps by itself, under whatever pressure.
  t.expires_after(1h);
  t.async_wait([](const asio_error_code&) {});
  CHECK(sim.run());
  CHECK(sim.taken() == testing::trace{{0, 3, true}, {0, 2}, {0, 1}, {0, 1}});
}

TEST_CASE("simulation time: it goes neither back nor beyond the last of all times",
          "[testing][time]") {
  simulation sim;
  const auto begin = sim.now();
  bool has_expired = false;
  testing::timer t(sim, 1h);
  t.async_wait([&](const asio_error_code& ec) { has_expired = !ec; });
  testing::timer never(sim, simulation::time_point::max());
  never.async_wait([](const asio_error_code&) { FAIL("it has expired"); });
  sim.advance(-1h);
  sim.advance(simulation::duration::min());
  CHECK(sim.now() == begin);
  CHECK(sim.is_idle());
  for (int i = 0; i < 2; ++i) {
    sim.advance(simulation::duration::max());
    CHECK(sim.now() == simulation::time_point::max() - simulation::duration(1));
  }
  CHECK(sim.run().is_stuck);
  CHECK(has_expired);
  sim.clear();
}

TEST_CASE("simulation time: nodes, holders and the guard go by it", "[testing][time]") {
  simulation sim;
  int readings = 0;
  const volume v = volume::create({.memory_guard = {.mode = guard_mode::per_write,
                                                    .interval = 60s,
                                                    .available_memory =
                                                        [&] {
                                                          ++readings;
                                                          return std::uint64_t{1} << 40;
                                                        }},
                                   .clock = sim.clock()})
                       .value();
  file_system fs(sim.get_executor(), v);
  sim.advance(59s);
  sim.run(fs.write_file("/f", asio::buffer("abc", 3))).value();
  CHECK(sim.run(fs.stat("/f")).value().modified_at == year_2000 + 59s);
  CHECK(readings == 1);
  sim.advance(1s);
  sim.run(fs.write_file("/f", asio::buffer("abcdefg", 7))).value();
  CHECK(sim.run(fs.stat("/f")).value().modified_at == year_2000 + 60s);
  CHECK(readings == 2);
  const auto f = sim.run(fs.open("/f", open_mode::read)).value();
  CHECK(v.open_handles().value().at(0).since == sim.now());
}

TEST_CASE("simulation time: the clock may outlive the simulation, and stands then",
          "[testing][time]") {
  std::shared_ptr<const coramfs::clock> clock;
  {
    simulation sim;
    clock = sim.clock();
    sim.advance(1s);
  }
  CHECK(clock->system_now() == year_2000 + 1s);
}

TEST_CASE("simulation time: testing::clock is that of the step, or of the youngest simulation",
          "[testing][time]") {
  using testing::clock;
  const auto real = [] {
    const auto before = std::chrono::steady_clock::now(), now = clock::now();
    return before <= now && now <= std::chrono::steady_clock::now();
  };
  CHECK(real());
  {
    simulation older;
    older.advance(1h);
    CHECK(clock::now() == older.now());
    simulation younger;
    younger.advance(2h);
    CHECK(clock::now() == younger.now());
    CHECK(older.run([&]() -> awaitable<bool> { co_return clock::now() == older.now(); }));
    CHECK(older.run([&]() -> awaitable<bool> {
      younger.run([&]() -> awaitable<void> {
        CHECK(clock::now() == younger.now());
        co_return;
      });
      co_return clock::now() == older.now();
    }));
    CHECK(clock::now() == younger.now());
  }
  CHECK(real());
}

}  // namespace coramfs::tests
