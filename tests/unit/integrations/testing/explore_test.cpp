// SPDX-License-Identifier: BSL-1.0
// Many schedules of one body: what is found, how small it gets, and what is told.
#include <coramfs/rw_lock.hpp>
#include <coramfs/testing.hpp>
#include <coramfs/testing/detail/failure_count.hpp>
#include <coramfs/testing/detail/quiet_failures.hpp>

#include "support/catch.hpp"

#include <asio/awaitable.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace coramfs::tests {

namespace {

using namespace std::chrono_literals;

using asio::awaitable;
using testing::explore;
using testing::explore_failed;
using testing::explore_options;
using testing::schedule;
using testing::simulation;

/// An environment variable, while it lives.
class environment {
 public:
  explicit environment(const char* seed) { ::setenv("CORAMFS_SEED", seed, 1); }
  environment(const environment&) = delete;
  environment& operator=(const environment&) = delete;
  ~environment() { ::unsetenv("CORAMFS_SEED"); }
};

/// What is returned, and printed nowhere.
explore_options returned(testing::strategy how = {}) {
  explore_options o;
  o.strategy = std::move(how);
  o.returns_failure = true;
  o.to = nullptr;
  return o;
}

awaitable<void> post_times(int times) {
  for (int i = 0; i < times; ++i) co_await asio::post(asio::use_awaitable);
}

/// One coroutine sets up what another one uses, which comes later by fifo.
void used_before_it_is_there(simulation& sim) {
  bool& is_there = sim.keep<bool>(false);
  sim.spawn(
      [&]() -> awaitable<void> {
        co_await post_times(5);
        is_there = true;
      },
      "maker");
  sim.spawn(
      [&]() -> awaitable<void> {
        co_await post_times(8);
        if (!is_there) throw std::runtime_error("used before it is there");
      },
      "user");
  sim.spawn([&]() -> awaitable<void> { co_await post_times(12); }, "other");
  sim.run();
}

/// Who has one lock and wants the other, in two orders; not by fifo.
void locked_crosswise(simulation& sim) {
  auto& locks = sim.keep<std::pair<rw_lock, rw_lock>>();
  const auto take = [&sim](rw_lock& first, rw_lock& then, int later, const char* name) {
    sim.spawn(
        [&, later]() -> awaitable<void> {
          co_await post_times(later);
          const auto one = co_await first.acquire();
          co_await asio::post(asio::use_awaitable);
          const auto other = co_await then.acquire();
        },
        name);
  };
  take(locks.first, locks.second, 0, "left");
  take(locks.second, locks.first, 6, "right");
  sim.run();
}

}  // namespace

TEST_CASE("explore: what never fails is run with each seed, every tenth twice",
          "[testing][explore]") {
  int calls = 0;
  std::set<std::uint64_t> seeds;
  const auto r = explore(25, [&](simulation& sim) {
    ++calls;
    seeds.insert(sim.seed());
    sim.run(post_times(3));
  });
  CHECK(r);
  CHECK(r.runs == 25);
  CHECK(calls == 28);
  CHECK(seeds.size() == 25);
  CHECK(r.text == "nothing has failed in 25 runs");
}

TEST_CASE("explore: what a body returns is run, and its error is a failure", "[testing][explore]") {
  unsigned ran = 0;
  testing::explore(3, [&](simulation&) -> asio::awaitable<void> {
    ++ran;
    co_return;
  });
  CHECK(ran == 4);  // the first one twice
  CHECK_THROWS_WITH(
      testing::explore(3, [](simulation&) -> asio::awaitable<result<int>> { co_return errc::busy; },
                       {.minimises = false}),
      Catch::Contains("busy"));
  CHECK_THROWS_WITH(testing::explore(3, [](simulation&) -> result<void> { return errc::busy; },
                                     {.minimises = false}),
                    Catch::Contains("busy"));
}

TEST_CASE("explore: where no run is asked for, nothing is said to be right", "[testing][explore]") {
  const auto body = [](simulation&) {};
  CHECK_THROWS_AS(testing::explore(0, body), std::invalid_argument);
  CHECK_THROWS_AS(testing::explore(1, body, {.strategy = schedule::all(0)}), std::invalid_argument);
}

TEST_CASE("explore: each strategy finds a rare order, and makes it small", "[testing][explore]") {
  const testing::strategy strategies[] = {
      {},
      schedule::uniform,
      [](std::uint64_t seed) { return schedule::pct(seed, 2); },
      [](std::uint64_t seed) { return schedule::pct(seed, 3, 20); },
      schedule::all(1'000'000),
  };
  for (const testing::strategy& how : strategies) {
    const auto r = explore(100'000, used_before_it_is_there, returned(how));
    REQUIRE_FALSE(r);
    CHECK(r.why == "used before it is there");
    CHECK(r.minimising_runs > 0);
    // The maker has to be passed four times, if by nobody else than the user.
    const auto passed = std::count_if(r.minimised.begin(), r.minimised.end(),
                                      [](const testing::choice& c) { return c.taken != 0; });
    CHECK(passed >= 4);
    CHECK(passed <= 8);
    simulation again(schedule::replay(r.minimised, r.how.seed()));
    CHECK_THROWS_WITH(used_before_it_is_there(again), "used before it is there");
  }
}

TEST_CASE("explore: a failure is thrown with all that there is to tell", "[testing][explore]") {
  std::optional<explore_failed> thrown;
  try {
    explore(1000, locked_crosswise);
  } catch (const explore_failed& e) {
    thrown = e;
  }
  REQUIRE(thrown);
  const testing::report& r = thrown->found();
  const std::string text = thrown->what();
  INFO(text);
  CHECK(text == r.text);
  CHECK(text.find("seed " + std::to_string(r.seed) + " fails: stuck at 0.000 s") == 0);
  CHECK(text.find("of coroutine \"left\" waits since 0.000 s") != std::string::npos);
  CHECK(text.find("to repeat it: CORAMFS_SEED=" + std::to_string(r.seed) + '\n') !=
        std::string::npos);
  CHECK(text.find(": fifo everywhere, but\n    at step") != std::string::npos);
  CHECK(text.find(" \"right\" goes before \"left\"") != std::string::npos);
  CHECK(r.differences.size() <= 2);

  // The seed by itself is the same schedule, though nothing was run before it.
  const environment only(std::to_string(r.seed).c_str());
  const auto again = explore(1000, locked_crosswise, returned());
  CHECK(again.runs == 1);
  CHECK(again.seed == r.seed);
  CHECK(again.how == r.how);
  CHECK(again.taken == r.taken);
  CHECK(again.minimised == r.minimised);
}

TEST_CASE("explore: all goes through each order once, and knows when it has",
          "[testing][explore]") {
  std::set<std::string> orders;
  int calls = 0;
  const auto body = [&](simulation& sim) {
    ++calls;
    std::string order;
    for (const char c : {'a', 'b', 'c'})
      sim.spawn([&, c]() -> awaitable<void> {
        order += c;
        co_await asio::post(asio::use_awaitable);
        order += c;
      });
    CHECK(sim.run());
    orders.insert(order);
  };
  const auto r = explore(1, body, returned(schedule::all(1000)));
  CHECK(r);
  CHECK(r.is_complete);
  CHECK(r.runs == 90);
  CHECK(calls == 90);
  CHECK(orders.size() == 90);
  CHECK_FALSE(explore(1, body, returned(schedule::all(89))).is_complete);
}

TEST_CASE("explore: a body that goes by something else than its seed is told",
          "[testing][explore]") {
  int calls = 0;
  const auto r = explore(
      100,
      [&](simulation& sim) {
        const int more = calls++ == 0 ? 0 : 1;
        sim.spawn(post_times(2), "a");
        sim.spawn(post_times(2 + more), "b");
        sim.run();
      },
      returned());
  REQUIRE_FALSE(r);
  CHECK(r.seed == 0);
  CHECK(r.why.find("two runs of one schedule differ") == 0);
  CHECK(r.why.find("step 7 was only in the second") != std::string::npos);
}

TEST_CASE("explore: the first step at another time is named", "[testing][explore]") {
  int calls = 0;
  const auto r = explore(
      1,
      [&](simulation& sim) {
        const auto patience = std::chrono::milliseconds(++calls);
        sim.run([&]() -> awaitable<void> {
          co_await post_times(3);
          testing::timer t(sim, patience);
          co_await t.async_wait(asio::use_awaitable);
        });
      },
      returned());
  REQUIRE_FALSE(r);
  CHECK(r.why.find("step 5 was another task, or at another time") != std::string::npos);
}

TEST_CASE("explore: what fails only once is told to be so", "[testing][explore]") {
  int calls = 0;
  const auto r = explore(
      10,
      [&](simulation& sim) {
        sim.run(post_times(2));
        if (++calls == 4) throw std::runtime_error("the fourth");
      },
      returned());
  REQUIRE_FALSE(r);
  CHECK(r.why.find("the fourth; the same choices again did not fail so") == 0);
}

TEST_CASE("explore: a check that fails, a run without an end and one that is not run are failures",
          "[testing][explore]") {
  const auto why_of = [](std::function<void(simulation&)> body, explore_options o = returned()) {
    return explore(1, std::move(body), o).why;
  };
  CHECK(why_of([](simulation& sim) {
          int& steps = sim.keep<int>(0);
          sim.check_always([&] {
            if (++steps == 3) throw std::logic_error("three steps");
          });
          sim.run(post_times(5));
        }) == "three steps");
  auto few = returned();
  few.most_steps = 100;
  CHECK(why_of([](simulation& sim) { sim.run(post_times(1'000'000)); }, few) ==
        "it has not ended after 100 steps");
  CHECK(why_of([](simulation& sim) { sim.spawn(post_times(1)); }).find("run nothing") !=
        std::string::npos);
}

TEST_CASE("explore: a run that ends stuck is a failure, unless it may be", "[testing][explore]") {
  const auto body = [](simulation& sim) {
    auto& lock = sim.keep<rw_lock>();
    lock.lock();
    sim.spawn([&]() -> awaitable<void> { const auto held = co_await lock.acquire(); }, "waiter");
    sim.run();
    sim.clear();
    lock.unlock();
  };
  const auto r = explore(3, body, returned());
  CHECK(r.why.find("coroutine \"waiter\" has not ended") != std::string::npos);
  auto o = returned();
  o.may_be_stuck = true;
  CHECK(explore(3, body, o));
}

namespace {

unsigned long failures = 0;
unsigned long quiet_runs = 0;
bool is_quiet = false;

/// A framework for tests that counts, and can be quiet or not.
class framework {
 public:
  explicit framework(bool can_be_quiet) {
    failures = quiet_runs = 0;
    testing::detail::count_failures_by([] { return failures; });
    if (can_be_quiet) testing::detail::quiet_failures_by([](bool quiet) { is_quiet = quiet; });
  }
  framework(const framework&) = delete;
  framework& operator=(const framework&) = delete;
  ~framework() {
    testing::detail::count_failures_by(nullptr);
    testing::detail::quiet_failures_by(nullptr);
  }
};

struct assertion_failed {};

void counted_failure(simulation& sim) {
  std::string& order = sim.keep<std::string>();
  sim.spawn([&]() -> awaitable<void> {
    co_await post_times(2);
    order += 'a';
  });
  sim.spawn([&]() -> awaitable<void> {
    co_await post_times(3);
    order += 'b';
  });
  sim.run();
  quiet_runs += is_quiet;
  if (order == "ba") ++failures;
}

}  // namespace

TEST_CASE("explore: what a framework has counted is a failure though the body went on",
          "[testing][explore]") {
  const framework f(false);
  const auto r = explore(100, counted_failure, returned());
  REQUIRE_FALSE(r);
  CHECK(r.why == "the test framework has counted 1 failure");
  // It would have told of each.
  CHECK(failures == 1);
  CHECK(r.minimising_runs == 0);
  CHECK(r.text.find("not minimised, since each run would fail the test again") !=
        std::string::npos);
  CHECK_THROWS_AS(explore(100, counted_failure), explore_failed);
}

TEST_CASE("explore: a framework that can be quiet is so while a failure is made smaller",
          "[testing][explore]") {
  const framework f(true);
  const auto r = explore(100, counted_failure, returned());
  REQUIRE_FALSE(r);
  CHECK(r.minimising_runs > 0);
  CHECK(quiet_runs == r.minimising_runs);
  CHECK_FALSE(is_quiet);
  CHECK(r.differences.size() <= 2);
}

TEST_CASE("explore: what a framework throws comes out as it is, and the text is printed",
          "[testing][explore]") {
  std::ostringstream told;
  explore_options o;
  o.to = &told;
  CHECK_THROWS_AS(explore(
                      10,
                      [](simulation& sim) {
                        sim.run(post_times(2));
                        throw assertion_failed();
                      },
                      o),
                  assertion_failed);
  CHECK(told.str().find("coramfs::testing::explore: seed 0 fails: an exception that is no "
                        "std::exception") == 0);
}

TEST_CASE("explore: a seed in the environment that is no number is refused", "[testing][explore]") {
  const environment only("4711x");
  CHECK_THROWS_AS(explore(1, [](simulation&) {}), std::invalid_argument);
}

TEST_CASE("explore: what is kept goes when all that was suspended has gone", "[testing][explore]") {
  std::string ends;
  struct witness {
    std::string* to;
    char c;
    witness(std::string& s, char name) : to(&s), c(name) {}
    ~witness() { *to += c; }
  };
  {
    simulation sim;
    auto& first = sim.keep<witness>(ends, '1');
    sim.keep<witness>(ends, '2');
    sim.spawn([&]() -> awaitable<void> {
      const witness local(*first.to, 'l');
      co_await post_times(1);
    });
    sim.step();
  }
  CHECK(ends == "l21");
}

}  // namespace coramfs::tests
