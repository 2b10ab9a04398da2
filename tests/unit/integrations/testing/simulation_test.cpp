// SPDX-License-Identifier: BSL-1.0
// Steps, their order, and what comes out of them.
#include <coramfs/file_system.hpp>
#include <coramfs/rw_lock.hpp>
#include <coramfs/testing.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/awaitable.hpp>
#include <asio/post.hpp>
#include <asio/strand.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using asio::awaitable;
using testing::schedule;
using testing::simulation;

awaitable<void> append_twice(std::string& to, char c) {
  to += c;
  co_await asio::post(asio::use_awaitable);
  to += c;
}

/// The order in which three coroutines of two parts each went.
std::string order_of(schedule how) {
  simulation sim(how);
  std::string order;
  for (const char c : {'a', 'b', 'c'}) sim.spawn(append_twice(order, c));
  CHECK(sim.run());
  return order;
}

/// A few coroutines with a lock, a file, and deadlines between them.
struct run_of {
  testing::trace taken;
  std::uint64_t fingerprint;
  std::string events;

  explicit run_of(schedule how) {
    simulation sim(how);
    const volume v = volume::create({.clock = sim.clock()}).value();
    file_system fs(sim.get_executor(), v);
    rw_lock lock;
    for (int i = 0; i < 8; ++i) sim.spawn(work(fs, lock, i));
    CHECK(sim.run());
    taken = sim.taken();
    fingerprint = sim.fingerprint();
  }

 private:
  awaitable<void> work(file_system& fs, rw_lock& lock, int number) {
    for (int i = 0; i < 3; ++i) {
      auto held = co_await lock.acquire(std::chrono::milliseconds(2 * number));
      note(number, held.has_value());
      auto f = co_await fs.open("/f", open_mode::append, {.timeout = std::chrono::milliseconds(1)});
      note(number, f.has_value());
      co_await asio::post(asio::use_awaitable);
    }
  }
  void note(int number, bool had) { events += std::to_string(number) + (had ? "+ " : "- "); }
};

}  // namespace

TEST_CASE("simulation: fifo takes what was ready first", "[testing][simulation]") {
  CHECK(order_of(schedule::fifo()) == "abcabc");
}

TEST_CASE("simulation: uniform comes upon every order, by its seed", "[testing][simulation]") {
  std::set<std::string> orders;
  for (std::uint64_t seed = 0; seed < 1000; ++seed)
    orders.insert(order_of(schedule::uniform(seed)));
  // Of six letters, each pair in any two places.
  CHECK(orders.size() == 90);
}

TEST_CASE("simulation: one seed gives one run, and another one another", "[testing][simulation]") {
  std::set<std::uint64_t> fingerprints;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const run_of first(schedule::uniform(seed)), second(schedule::uniform(seed));
    REQUIRE(first.taken == second.taken);
    REQUIRE(first.fingerprint == second.fingerprint);
    REQUIRE(first.events == second.events);
    fingerprints.insert(first.fingerprint);
  }
  CHECK(fingerprints.size() == 50);
}

TEST_CASE("simulation: directories are gone through in the same order again",
          "[testing][simulation]") {
  const auto run_of_copies = [](std::uint64_t seed) {
    simulation sim(schedule::uniform(seed));
    const volume v =
        volume::create({.default_lock_timeout = lock_timeout::forever(), .clock = sim.clock()})
            .value();
    file_system fs(sim.get_executor(), v);
    const auto file_of = [](int i) { return "/d/" + std::to_string(i); };
    sim.run([&]() -> awaitable<void> {
      const auto made = co_await fs.create_directory("/d");
      CHECK(made);
      for (int i = 0; i < 50; ++i) auto f = co_await fs.open(file_of(i), open_mode::create);
    });
    for (int i = 0; i < 5; ++i) {
      // Each copy waits for the one of the files that it comes to.
      sim.spawn([&, i]() -> awaitable<void> {
        for (int j = i; j < 50; j += 10) {
          auto f = co_await fs.open(file_of(j), open_mode::append);
          co_await asio::post(asio::use_awaitable);
        }
      });
      sim.spawn([&, i]() -> awaitable<void> {
        const auto copied = co_await fs.copy_tree("/d", "/copy" + std::to_string(i));
        CHECK(copied);
      });
    }
    CHECK(sim.run());
    return std::pair(sim.taken(), sim.fingerprint());
  };
  for (std::uint64_t seed = 0; seed < 20; ++seed) CHECK(run_of_copies(seed) == run_of_copies(seed));
}

TEST_CASE("simulation: the trace has each step, and fifo differs nowhere",
          "[testing][simulation]") {
  simulation sim(schedule::fifo());
  std::string order;
  asio::post(sim.get_executor(), [&] {
    order += 'a';
    for (const char c : {'b', 'c'}) asio::post(sim.get_executor(), [&order, c] { order += c; });
  });
  CHECK(order.empty());
  CHECK(sim.step());
  CHECK(order == "a");
  CHECK(sim.run());
  CHECK(order == "abc");
  CHECK(!sim.step());
  CHECK(sim.taken() == testing::trace{{0, 1}, {0, 2}, {0, 1}});
  CHECK(to_string(sim.taken()).empty());
  CHECK(to_string(testing::trace{{0, 3}, {2, 3}, {1, 2}}) ==
        "step 2 took 3 of 3, step 3 took 2 of 2");
  CHECK(to_string(testing::trace{{1, 2}, {1, 3}, {1, 2}}, 1) == "step 1 took 2 of 2 and 2 more");
}

TEST_CASE("simulation: run gives the value of its coroutine, and leaves others where they are",
          "[testing][simulation]") {
  simulation sim;
  bool has_other_ended = false;
  sim.spawn([&]() -> awaitable<void> {
    testing::timer t(sim.get_executor(), std::chrono::hours(1));
    co_await t.async_wait(asio::use_awaitable);
    has_other_ended = true;
  });
  const int value = sim.run([]() -> awaitable<int> { co_return 42; });
  CHECK(value == 42);
  CHECK(!has_other_ended);
  const auto no_default = [](int& to) -> awaitable<std::reference_wrapper<int>> {
    co_return std::ref(to);
  };
  int target = 0;
  sim.run(no_default(target)).get() = 3;
  CHECK(target == 3);
  sim.run([&]() -> awaitable<void> {
    ++target;
    co_return;
  });
  CHECK(target == 4);
  CHECK(!has_other_ended);
  CHECK(sim.run());
  CHECK(has_other_ended);
}

TEST_CASE("simulation: what a coroutine throws comes out of the run", "[testing][simulation]") {
  const auto fails = []() -> awaitable<int> {
    co_await asio::post(asio::use_awaitable);
    throw std::runtime_error("what went wrong");
  };
  simulation sim;
  CHECK_THROWS_WITH(sim.run(fails()), "what went wrong");
  sim.spawn([&]() -> awaitable<void> { co_await fails(); });
  CHECK_THROWS_WITH(sim.run(), "what went wrong");
  CHECK(sim.run());
}

TEST_CASE("simulation: a check is made after every step, and ends the run where it throws",
          "[testing][simulation]") {
  simulation sim(schedule::fifo());
  std::string order;
  int checks = 0;
  sim.check_always([&] {
    ++checks;
    if (order == "ab") throw std::logic_error("it is ab");
  });
  for (const char c : {'a', 'b', 'c'}) asio::post(sim.get_executor(), [&order, c] { order += c; });
  CHECK_THROWS_WITH(sim.run(), "it is ab");
  CHECK(checks == 2);
  CHECK(sim.taken().size() == 2);
  CHECK(sim.run());
  CHECK(order == "abc");
}

TEST_CASE("simulation: a strand runs in one step what has come while it was about to run",
          "[testing][simulation]") {
  std::set<std::string> orders, without;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    simulation sim(schedule::uniform(seed));
    const auto strand = asio::make_strand(sim.get_executor());
    std::string order;
    for (const char c : {'a', 'b', 'c'}) asio::post(strand, [&order, c] { order += c; });
    asio::post(sim.get_executor(), [&order] { order += '-'; });
    CHECK(sim.run());
    CHECK(sim.taken().size() == 3);
    orders.insert(order);
    for (const char c : {'a', 'b'}) asio::post(sim.get_executor(), [&order, c] { order += c; });
    CHECK(sim.run());
    without.insert(order.substr(4));
  }
  CHECK(orders == std::set<std::string>{"-abc", "a-bc", "abc-"});
  CHECK(without == std::set<std::string>{"ab", "ba"});
}

TEST_CASE("simulation: what a coroutine throws, and its end, come out of that same step",
          "[testing][simulation]") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    simulation sim(schedule::uniform(seed));
    std::uint64_t others = 0, at_the_end = 0;
    for (int i = 0; i < 5; ++i) {
      sim.spawn([&]() -> awaitable<void> {
        for (int j = 0; j < 20; ++j) {
          co_await asio::post(asio::use_awaitable);
          ++others;
        }
      });
    }
    const auto ends = [&](bool throws) -> awaitable<int> {
      co_await asio::post(asio::use_awaitable);
      at_the_end = others;
      if (throws) throw std::runtime_error("what went wrong");
      co_return 1;
    };
    CHECK(sim.run(ends(false)) == 1);
    CHECK(others == at_the_end);
    CHECK_THROWS_WITH(sim.run(ends(true)), "what went wrong");
    CHECK(others == at_the_end);
    sim.spawn([&]() -> awaitable<void> { co_await ends(true); });
    CHECK_THROWS_WITH(sim.run(), "what went wrong");
    CHECK(others == at_the_end);
    CHECK(sim.run());
    CHECK(others == 100);
  }
}

TEST_CASE("simulation: a check may add a check, and is a part of the step",
          "[testing][simulation]") {
  simulation sim, other;
  other.advance(std::chrono::hours(1));
  std::string calls;
  sim.check_always([&] {
    if (calls.empty()) {
      for (int i = 0; i < 100; ++i) sim.check_always([&calls] { calls += 'b'; });
    }
    calls += 'a';
    CHECK(testing::clock::now() == sim.now());
    CHECK_THROWS_AS(sim.step(), std::logic_error);
  });
  asio::post(sim.get_executor(), [] {});
  CHECK(sim.step());
  CHECK(calls == 'a' + std::string(100, 'b'));
}

TEST_CASE("simulation: there is no step within its own step, but one of another simulation",
          "[testing][simulation]") {
  simulation sim, other;
  bool has_run = false;
  asio::post(other.get_executor(), [&] { has_run = true; });
  asio::post(sim.get_executor(), [&] {
    CHECK_THROWS_AS(sim.step(), std::logic_error);
    CHECK_THROWS_AS(sim.run(), std::logic_error);
    CHECK_THROWS_AS(sim.run([]() -> awaitable<void> { co_return; }), std::logic_error);
    CHECK(other.run());
    CHECK(testing::clock::now() == sim.now());
  });
  CHECK(sim.step());
  CHECK(has_run);
  CHECK(sim.taken().size() == 1);
  CHECK(sim.run());
}

TEST_CASE("simulation: volumes go by the simulation whose options they have, in any order",
          "[testing][simulation]") {
  // The order in which a copy comes to the files, each of which is in use until it was come to.
  const auto order_of_files = [](const volume& v) {
    simulation sim;
    file_system fs(sim.get_executor(), v);
    std::map<std::string, file> in_use;
    sim.run(fs.create_directory("/d")).value();
    for (int i = 0; i < 20; ++i) {
      const std::string path = "/d/" + std::to_string(i);
      in_use.emplace(path, sim.run(fs.open(path, open_mode::create)).value());
    }
    std::string order;
    while (!in_use.empty()) {
      const auto copied = sim.run(fs.copy_tree("/d", "/copy"));
      const std::string path = copied.error().details().path;
      REQUIRE(in_use.erase(path) == 1);
      order += path + ' ';
    }
    return order;
  };
  const auto made = [&](std::uint64_t seed, bool has_another) {
    simulation sim(schedule::uniform(seed));
    const simulation younger(schedule::uniform(99));
    volume_options options;
    options.max_quota = 10'000'000;
    options.default_lock_timeout = lock_timeout::immediate();
    const auto first = volume::create(sim.options(options)).value();
    CHECK(first.stats().quota_bytes == 10'000'000);
    // Neither of them takes a key of the simulation's.
    if (has_another) {
      CHECK(volume::create(younger.options()));
      CHECK(volume::create());
    }
    std::optional<volume> second;
    asio::post(sim.get_executor(), [&] { second = volume::create(sim.options(options)).value(); });
    CHECK(sim.run());
    return order_of_files(first) + '|' + order_of_files(*second);
  };
  CHECK(made(1, false) == made(1, true));
  CHECK(made(1, false) != made(2, false));
}

}  // namespace coramfs::tests
