// SPDX-License-Identifier: BSL-1.0
// What is left when nothing goes on: reports, and the end of a simulation.
#include <coramfs/file_system.hpp>
#include <coramfs/rw_lock.hpp>
#include <coramfs/testing.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/awaitable.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace coramfs::tests {

namespace {

using namespace std::chrono_literals;
using asio::awaitable;
using testing::outcome;
using testing::schedule;
using testing::simulation;

/// Opens one file, and then another, both for good.
awaitable<void> open_both(file_system& fs, std::string first, std::string second, const char* label,
                          std::shared_ptr<int> = {}) {
  open_options options;
  options.timeout = lock_timeout::forever();
  options.label = label;
  const auto a = co_await fs.open(first, open_mode::update, options);
  co_await asio::post(asio::use_awaitable);
  const auto b = co_await fs.open(second, open_mode::update, options);
  CHECK(!b);
}

/// A volume of which each file is created already.
struct fixture {
  simulation sim;
  volume v;
  file_system fs{sim.get_executor(), v};

  explicit fixture(schedule how, volume_options options = {}) : sim(how), v(made(options)) {
    sim.run(fs.write_file("/a", asio::buffer("", 0))).value();
    sim.run(fs.write_file("/b", asio::buffer("", 0))).value();
  }
  volume made(volume_options options) {
    options.clock = sim.clock();
    return volume::create(options).value();
  }
};

}  // namespace

TEST_CASE("simulation end: two who wait for each other are reported", "[testing][stuck]") {
  fixture f(schedule::fifo());
  f.sim.advance(2s);
  f.sim.spawn(open_both(f.fs, "/a", "/b", "first"), "one");
  f.sim.spawn(open_both(f.fs, "/b", "/a", "second"), "two");
  const outcome o = f.sim.run();
  REQUIRE(o.is_stuck);
  CHECK(!o);
  REQUIRE(o.coroutines.size() == 2);
  CHECK(o.coroutines[0].name == "one");
  CHECK(o.coroutines[1].name == "two");
  REQUIRE(o.waits.size() == 2);
  CHECK(o.waits[0].about.operation == "open");
  CHECK(o.waits[0].about.path == "/b");
  CHECK(o.waits[0].about.holders.at(0).label == "second");
  CHECK(o.waits[0].wanted_bytes == 0);
  CHECK(o.waits[0].since == f.sim.now());
  CHECK(o.waits[0].coroutine == o.coroutines[0].number);
  CHECK(o.waits[0].lock == 0);
  CHECK(o.waits[1].coroutine == o.coroutines[1].number);
  CHECK(o.waits[1].about.path == "/a");
  CHECK(o.waits[1].about.holders.at(0).label == "first");
  const std::string steps = std::to_string(f.sim.taken().size());
  CHECK(o.report ==
        "stuck at 2.000 s, after " + steps +
            " steps of fifo(): nothing is ready, and no timer is to come\n"
            "  coroutine \"one\" has not ended; it was spawned at 2.000 s\n"
            "  coroutine \"two\" has not ended; it was spawned at 2.000 s\n"
            "  open \"/b\" of coroutine \"one\" waits since 2.000 s: held by \"second\" (update) "
            "since 2.000 s\n"
            "  open \"/a\" of coroutine \"two\" waits since 2.000 s: held by \"first\" (update) "
            "since 2.000 s\n"
            "  taken: as by fifo");
  std::ostringstream text;
  text << o << '|' << outcome();
  CHECK(text.str() == o.report + "|ended");
}

TEST_CASE("simulation end: some schedules of two who lock crosswise are stuck, and say why",
          "[testing][stuck]") {
  int stuck = 0, ended = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    simulation sim(schedule::uniform(seed));
    const volume v = volume::create({.clock = sim.clock()}).value();
    file_system fs(sim.get_executor(), v);
    const auto locks = [&](const char* first, const char* second) -> awaitable<void> {
      const auto a =
          co_await fs.open(first, open_mode::append, {.timeout = lock_timeout::forever()});
      co_await asio::post(asio::use_awaitable);
      const auto b =
          co_await fs.open(second, open_mode::append, {.timeout = lock_timeout::forever()});
    };
    sim.spawn(locks("/a", "/b"));
    sim.spawn(locks("/b", "/a"));
    const outcome o = sim.run();
    ++(o.is_stuck ? stuck : ended);
    if (!o.is_stuck) continue;
    CHECK(o.waits.size() == 2);
    CHECK(o.report.find("of uniform(" + std::to_string(seed) + ")") != std::string::npos);
  }
  CHECK(stuck > 0);
  CHECK(ended > 0);
}

TEST_CASE("simulation end: who waits for space or for a lock by itself is reported",
          "[testing][stuck]") {
  rw_lock lock;
  volume_options options;
  options.max_quota = 10;
  options.accounting = accounting::payload;
  fixture f(schedule::fifo(), options);
  f.sim.run(f.fs.write_file("/b", asio::buffer("12345678", 8))).value();
  REQUIRE(lock.try_lock());
  f.sim.spawn([&]() -> awaitable<void> {
    open_options waits;
    waits.timeout = lock_timeout::forever();
    waits.on_full = when_full::wait;
    auto a = co_await f.fs.open("/a", open_mode::update, waits);
    const auto written = co_await a.value().write(asio::buffer("abc", 3));
    CHECK(!written);
  });
  f.sim.spawn([&]() -> awaitable<void> {
    const auto held = co_await lock.acquire_shared(lock_timeout::forever());
  });
  const outcome o = f.sim.run();
  REQUIRE(o.waits.size() == 2);
  CHECK(o.waits[0].about.operation.empty());
  CHECK(o.waits[1].about.operation == "write");
  CHECK(o.waits[1].about.path == "/a");
  CHECK(o.waits[1].wanted_bytes == 3);
  const auto has = [&](const char* line) { return o.report.find(line) != std::string::npos; };
  // Three have written to the files before.
  CHECK(has("\n  coroutine 4 has not ended; it was spawned at 0.000 s\n"));
  CHECK(has("\n  write \"/a\" of coroutine 4 waits since 0.000 s for 3 bytes\n"));
  CHECK(has("\n  rw_lock 1 of coroutine 5 waits since 0.000 s\n"));
  f.sim.clear();
  lock.unlock();
}

TEST_CASE("simulation end: the report tells two locks from each other, and whose the waits are",
          "[testing][stuck]") {
  rw_lock first, second;
  simulation sim(schedule::fifo());
  const auto locks = [](rw_lock& a, rw_lock& b) -> awaitable<void> {
    const auto one = co_await a.acquire(lock_timeout::forever());
    co_await asio::post(asio::use_awaitable);
    const auto other = co_await b.acquire(lock_timeout::forever());
  };
  sim.spawn(locks(first, second), "up");
  sim.spawn(locks(second, first));
  sim.spawn(locks(second, first));
  const outcome o = sim.run();
  REQUIRE(o.waits.size() == 3);
  // The third has come to the second lock before the first has.
  CHECK(o.waits[0].lock == 1);
  CHECK(o.waits[1].lock == 1);
  CHECK(o.waits[2].lock == 2);
  CHECK(o.report.find("\n  rw_lock 1 of coroutine 3 waits since 0.000 s\n"
                      "  rw_lock 1 of coroutine \"up\" waits since 0.000 s\n"
                      "  rw_lock 2 of coroutine 2 waits since 0.000 s\n") != std::string::npos);
}

TEST_CASE("simulation end: who was granted and has gone is not reported with those who still wait",
          "[testing][stuck]") {
  rw_lock lock;
  simulation sim(schedule::fifo());
  REQUIRE(lock.try_lock());
  sim.spawn(
      [&]() -> awaitable<void> { auto held = co_await lock.acquire(lock_timeout::forever()); });
  sim.spawn([&]() -> awaitable<void> {
    auto held = co_await lock.acquire(lock_timeout::forever());
    REQUIRE(held);
    co_await asio::post(asio::use_awaitable);
    const auto again = co_await lock.acquire(lock_timeout::forever());
  });
  sim.spawn([&]() -> awaitable<void> {
    const auto held = co_await lock.acquire(lock_timeout::forever());
  });
  CHECK(sim.run().waits.size() == 3);
  lock.unlock();
  const outcome o = sim.run();
  CHECK(o.waits.size() == 2);
  REQUIRE(o.coroutines.size() == 2);
  CHECK(o.coroutines[0].number == 2);
  CHECK(o.coroutines[1].number == 3);
}

TEST_CASE("simulation end: whoever looks before the end is told what is still to come",
          "[testing][stuck]") {
  simulation sim(schedule::fifo());
  sim.spawn([&]() -> awaitable<void> {
    testing::timer t(sim, 90s);
    co_await t.async_wait(asio::use_awaitable);
  });
  const auto first_line = [&] { return sim.look().report.substr(0, sim.look().report.find('\n')); };
  CHECK(first_line() == "not ended at 0.000 s, after 0 steps of fifo(): something is ready");
  while (!sim.is_idle()) sim.step();
  CHECK(first_line() ==
        "not ended at 0.000 s, after 1 step of fifo(): the next timer is to come at 90.000 s");
  CHECK(sim.run());
  CHECK(sim.look().report.empty());
}

TEST_CASE("simulation end: the run of one coroutine that can not end throws", "[testing][stuck]") {
  rw_lock lock;
  simulation sim;
  REQUIRE(lock.try_lock());
  const auto waits = [&]() -> awaitable<int> {
    const auto held = co_await lock.acquire(lock_timeout::forever());
    co_return 1;
  };
  try {
    sim.run(waits());
    FAIL("it has ended");
  } catch (const testing::stuck_error& e) {
    CHECK(e.how().is_stuck);
    CHECK(e.how().report == e.what());
    CHECK(e.how().coroutines.at(0).name == "run");
  }
  // It has been cleared.
  CHECK(!sim.step());
  CHECK(sim.run());
  CHECK_THROWS_AS(sim.run(waits()), std::logic_error);
  CHECK_THROWS_AS(sim.spawn([]() -> awaitable<void> { co_return; }), std::logic_error);
  lock.unlock();
}

TEST_CASE("simulation end: nobody waits any more for what the exception of a stuck run destroys",
          "[testing][stuck]") {
  simulation sim(schedule::fifo());
  const auto lock_crosswise = [&] {
    rw_lock first, second;
    const auto locks = [](rw_lock& a, rw_lock& b) -> awaitable<void> {
      const auto one = co_await a.acquire(lock_timeout::forever());
      co_await asio::post(asio::use_awaitable);
      const auto other = co_await b.acquire(lock_timeout::forever());
    };
    sim.spawn(locks(first, second));
    sim.run(locks(second, first));
  };
  CHECK_THROWS_AS(lock_crosswise(), testing::stuck_error);
  CHECK(sim.run());
}

TEST_CASE(
    "simulation end: it can be cleared while what waiters refer to is there, but not in a step",
    "[testing][stuck]") {
  simulation sim(schedule::fifo());
  const auto alive = std::make_shared<int>(0);
  {
    rw_lock lock;
    REQUIRE(lock.try_lock());
    sim.spawn([&, alive]() -> awaitable<void> {
      const auto held = co_await lock.acquire(lock_timeout::forever());
    });
    asio::post(sim.get_executor(), [&] { CHECK_THROWS_AS(sim.clear(), std::logic_error); });
    CHECK(sim.run().is_stuck);
    asio::post(sim.get_executor(), [alive] {});
    CHECK(alive.use_count() == 3);
    sim.clear();
    CHECK(alive.use_count() == 1);
    lock.unlock();
  }
  CHECK(!sim.look().is_stuck);
  CHECK(!sim.step());
}

TEST_CASE("simulation end: who looks while it is destroyed sees nobody who waits",
          "[testing][stuck]") {
  struct looks {
    simulation& at;
    std::size_t& seen;
    ~looks() { seen += at.look().waits.size() + 1; }
  };
  rw_lock lock;
  REQUIRE(lock.try_lock());
  std::size_t seen = 0;
  {
    simulation sim;
    for (int i = 0; i < 3; ++i) {
      sim.spawn([&]() -> awaitable<void> {
        const looks l{sim, seen};
        const auto held = co_await lock.acquire(lock_timeout::forever());
      });
    }
    CHECK(sim.run().waits.size() == 3);
  }
  CHECK(seen == 3);
  lock.unlock();
}

TEST_CASE("simulation end: whatever counts as work has not ended", "[testing][stuck]") {
  simulation sim;
  {
    const auto work = asio::make_work_guard(sim.get_executor());
    CHECK(sim.run().is_stuck);
    CHECK(sim.run().report.find("counts as work") != std::string::npos);
  }
  CHECK(sim.run());
}

TEST_CASE("simulation end: it destroys whoever is suspended, and others go on",
          "[testing][stuck]") {
  const auto alive = std::make_shared<int>(0);
  auto f = std::make_optional<fixture>(schedule::fifo());
  const volume v = f->v;
  f->sim.spawn(open_both(f->fs, "/a", "/b", "first", alive));
  f->sim.spawn(open_both(f->fs, "/b", "/a", "second", alive));
  CHECK(f->sim.run().is_stuck);
  f->sim.spawn(open_both(f->fs, "/a", "/b", "third", alive));  // it has not begun
  CHECK(alive.use_count() == 4);
  f.reset();
  CHECK(alive.use_count() == 1);
  CHECK(v.stats().waiting == 0);
  CHECK(v.stats().open_handles == 0);
  simulation other;
  file_system fs(other.get_executor(), v);
  CHECK(other.run(fs.remove("/a")));
}

}  // namespace coramfs::tests
