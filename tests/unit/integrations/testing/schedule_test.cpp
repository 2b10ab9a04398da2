// SPDX-License-Identifier: BSL-1.0
// What each kind of schedule takes.
#include <coramfs/rw_lock.hpp>
#include <coramfs/testing.hpp>

#include "support/catch.hpp"
#include "support/dice.hpp"

#include <asio/awaitable.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using namespace std::chrono_literals;

using asio::awaitable;
using testing::schedule;
using testing::simulation;

awaitable<void> append(std::string& to, char c, int times) {
  for (int i = 0; i < times; ++i) {
    to += c;
    co_await asio::post(asio::use_awaitable);
  }
}

/// In which order three coroutines of four parts each went, and what was taken.
std::pair<std::string, testing::trace> run_of(const schedule& how) {
  std::string order;
  simulation sim(how);
  for (const char c : {'a', 'b', 'c'}) sim.spawn(append(order, c, 4));
  CHECK(sim.run());
  return {order, sim.taken()};
}

/// How often the letter changes.
int changes_in(const std::string& order) {
  int changes = 0;
  for (std::size_t i = 1; i < order.size(); ++i) changes += order[i] != order[i - 1];
  return changes;
}

}  // namespace

TEST_CASE("schedule: pct of depth 1 has each coroutine go on as far as it can",
          "[testing][schedule]") {
  std::set<std::string> orders;
  for (std::uint64_t seed = 0; seed < 100; ++seed)
    orders.insert(run_of(schedule::pct(seed, 1)).first);
  CHECK(orders == std::set<std::string>{"aaaabbbbcccc", "aaaaccccbbbb", "bbbbaaaacccc",
                                        "bbbbccccaaaa", "ccccaaaabbbb", "ccccbbbbaaaa"});
}

TEST_CASE("schedule: at each further depth of pct one more gives way, for good",
          "[testing][schedule]") {
  for (const unsigned depth : {2u, 3u}) {
    const int most = 2 + 2 * static_cast<int>(depth - 1);
    std::set<std::string> orders;
    std::set<int> changes;
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
      const std::string order = run_of(schedule::pct(seed, depth, 10)).first;
      orders.insert(order);
      changes.insert(changes_in(order));
    }
    CHECK(*changes.begin() == 2);
    CHECK(*changes.rbegin() > 2);
    CHECK(*changes.rbegin() <= most);
    CHECK(orders.size() > 30);
  }
}

TEST_CASE("schedule: pct comes upon late steps though it does not know how many there are",
          "[testing][schedule]") {
  const auto longest_head_start = [](std::uint64_t seed) {
    std::string order;
    simulation sim(schedule::pct(seed, 2));
    for (const char c : {'a', 'b'}) sim.spawn(append(order, c, 1000));
    CHECK(sim.run());
    return order.find(order[0] == 'a' ? 'b' : 'a');
  };
  std::set<std::size_t> magnitudes;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    std::size_t magnitude = 0;
    for (std::size_t at = longest_head_start(seed); at > 1; at /= 2) ++magnitude;
    magnitudes.insert(magnitude);
  }
  CHECK(magnitudes.size() >= 10);
}

TEST_CASE("schedule: under pct somebody who polls keeps others from going on only for a while",
          "[testing][schedule]") {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    bool has_come = false;
    simulation sim(schedule::pct(seed, 1));
    sim.spawn([&]() -> awaitable<void> {
      while (!has_come) co_await asio::post(asio::use_awaitable);
    });
    sim.spawn([&]() -> awaitable<void> {
      co_await asio::post(asio::use_awaitable);
      has_come = true;
    });
    CHECK(sim.run());
    CHECK(sim.taken().size() < 70'000);
  }
}

TEST_CASE("schedule: a replay takes what was taken, and goes on as fifo", "[testing][schedule]") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto [order, taken] = run_of(schedule::uniform(seed));
    const auto again = run_of(schedule::replay(taken, seed));
    CHECK(again.first == order);
    CHECK(again.second == taken);
  }
  const auto begun = run_of(schedule::replay({{2, 3}, {0, 3}}));
  CHECK(begun.first == "cabcabcabcab");
  CHECK(run_of(schedule::replay({{9, 9}})).first == run_of(schedule::replay({{2, 3}})).first);
}

TEST_CASE("schedule: a replay has the same times and hashes, also of jumps",
          "[testing][schedule]") {
  const auto run = [](const schedule& how) {
    rw_lock lock;
    simulation sim(how);
    const auto key = sim.options().clock;
    for (int i = 0; i < 6; ++i)
      sim.spawn([&, i]() -> awaitable<void> {
        const auto held = co_await lock.acquire(std::chrono::milliseconds(3 * i));
        co_await asio::post(asio::use_awaitable);
      });
    CHECK(sim.run());
    return std::tuple(sim.taken(), sim.fingerprint(), sim.seed());
  };
  for (std::uint64_t seed = 1; seed < 50; ++seed) {
    const auto first = run(schedule::uniform(seed).with_time_pressure(0.3));
    CHECK(run(schedule::replay(std::get<0>(first), seed)) == first);
  }
}

TEST_CASE("schedule: among many that are ready each is found at its place", "[testing][schedule]") {
  constexpr std::size_t count = 300;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    std::vector<std::size_t> order, expected, ready;
    dice d(seed);
    simulation sim(schedule::uniform(seed));
    std::size_t next = 0;
    // Each brings one more for a while.
    const std::function<void()> add = [&] {
      const std::size_t number = next++;
      asio::post(sim.get_executor(), [&, number] {
        order.push_back(number);
        if (next < 4 * count) add();
      });
    };
    for (std::size_t i = 0; i < count; ++i) add();
    CHECK(sim.run());
    // The same, by a plain list.
    std::size_t made = 0;
    while (made < count) ready.push_back(made++);
    for (const testing::choice& c : sim.taken()) {
      REQUIRE(c.ready == ready.size());
      const auto at = ready.begin() + static_cast<std::ptrdiff_t>(c.taken);
      expected.push_back(*at);
      ready.erase(at);
      if (made < 4 * count) ready.push_back(made++);
    }
    CHECK(order == expected);
  }
}

TEST_CASE("schedule: is told as it is written, and compared by what it chooses",
          "[testing][schedule]") {
  CHECK(to_string(schedule::pct(7, 3)) == "pct(7, 3)");
  CHECK(to_string(schedule::pct(7, 3, 40)) == "pct(7, 3, 40)");
  CHECK(to_string(schedule::all(1000)) == "all(1000)");
  CHECK(to_string(schedule::replay({{1, 2}}, 7)) == "replay(trace of 1 steps, 7)");
  CHECK(schedule::replay({{1, 2}}, 7) == schedule::replay({{1, 2}}, 7));
  CHECK(schedule::replay({{1, 2}}, 7) != schedule::replay({{1, 3}}, 7));
  CHECK(schedule::pct(7, 3) != schedule::pct(7, 2));
  CHECK(schedule::pct(7, 3) != schedule::uniform(7));
  CHECK(schedule::all(5).limit() == 5);
}

}  // namespace coramfs::tests
