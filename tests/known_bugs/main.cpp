// SPDX-License-Identifier: BSL-1.0
// How many seeds does it take to find known bugs, by strategy?
//
// usage: known_bugs           prints the table of docs/schedules.md, which takes a minute or two
//        known_bugs --check   fails if a bug is not found, or anything is that has none
#include <coramfs/testing/explore.hpp>

#include "known_bugs/bodies.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace coramfs::tests {

namespace {

using testing::explore_options;
using testing::schedule;
using testing::simulation;

constexpr unsigned most_seeds = 2'000;
constexpr std::uint64_t most_orders = 100'000;
constexpr int ranges = 11;

explore_options with(testing::strategy how) {
  explore_options o;
  o.strategy = std::move(how);
  o.minimises = false;
  o.returns_failure = true;
  o.to = nullptr;
  return o;
}

/// With four others, for it is seldom that nothing goes on beside a bug.
std::function<void(simulation&)> body_of(const known_bug& b, bool has_bug) {
  return [&b, has_bug](simulation& sim) {
    spawn_others(sim);
    b.body(sim, has_bug);
  };
}

/// How many seeds it takes, as the middle of eleven ranges of seeds.
std::string seeds_for(const known_bug& b,
                      const std::function<schedule(std::uint64_t seed)>& by_seed) {
  std::vector<std::uint64_t> needed;
  for (std::uint64_t range = 0; range < ranges; ++range) {
    const std::uint64_t first = 1 + range * most_seeds;
    const auto r =
        testing::explore(most_seeds, body_of(b, true),
                         with([&](std::uint64_t seed) { return by_seed(first + seed); }));
    needed.push_back(r.ok() ? most_seeds + 1 : r.runs);
  }
  std::nth_element(needed.begin(), needed.begin() + ranges / 2, needed.end());
  const std::uint64_t median = needed[ranges / 2];
  return median > most_seeds ? "more than " + std::to_string(most_seeds) : std::to_string(median);
}

std::string orders_for(const known_bug& b) {
  const auto r = testing::explore(
      1, [&](simulation& sim) { b.body(sim, true); }, with(schedule::all(most_orders)));
  if (!r.ok()) return std::to_string(r.runs);
  return (r.is_complete ? "not among " : "more than ") + std::to_string(r.runs);
}

/// How many choices with more than one ready there are by `fifo`, as `strategy::of` wants to know.
std::uint32_t choices_of(const known_bug& b) {
  simulation sim(schedule::fifo());
  body_of(b, true)(sim);
  return static_cast<std::uint32_t>(
      std::count_if(sim.taken().begin(), sim.taken().end(),
                    [](const testing::choice& c) { return c.ready > 1; }));
}

void print_table() {
  std::cout
      << "| bug | steps with a choice | `uniform` | `pct`, depth 2 | `pct`, depth 3 | the mix | "
         "`all`, without others | what is left of it |\n|---|---|---|---|---|---|---|---|\n";
  for (const known_bug& b : known_bugs()) {
    const std::uint32_t choices = choices_of(b);
    const auto pct = [&](unsigned depth) {
      return [=](std::uint64_t seed) { return schedule::pct(seed, depth, choices); };
    };
    std::cout << "| " << b.name << " | " << choices << " | " << seeds_for(b, schedule::uniform)
              << " | " << seeds_for(b, pct(2)) << " | " << seeds_for(b, pct(3)) << " | "
              << seeds_for(
                     b, [&](std::uint64_t seed) { return testing::strategy().of(seed, choices); })
              << " | " << orders_for(b) << " | " << std::flush;
    auto options = with({});
    options.minimises = true;
    const auto r = testing::explore(most_seeds, body_of(b, true), options);
    std::string left;
    for (const std::string& d : r.differences) left += (left.empty() ? "" : ", ") + d;
    std::cout << left << " |" << std::endl;
  }
}

/// Returns how many are not as they should be.
int check() {
  int wrong = 0;
  for (const known_bug& b : known_bugs()) {
    const auto found = testing::explore(most_seeds, body_of(b, true), with({}));
    if (found.ok() || found.seed == 0) {
      std::cerr << b.name << ": " << (found.ok() ? "not found" : "found by fifo") << '\n';
      ++wrong;
    }
    const auto right = testing::explore(500, body_of(b, false), with({}));
    if (!right.ok()) {
      std::cerr << b.name << ": found where it is not: " << right.text << '\n';
      ++wrong;
    }
  }
  return wrong;
}

}  // namespace

}  // namespace coramfs::tests

int main(int count, char** arguments) {
  if (count == 2 && std::string_view(arguments[1]) == "--check")
    return coramfs::tests::check() == 0 ? 0 : 1;
  coramfs::tests::print_table();
}
