// SPDX-License-Identifier: BSL-1.0
//
// How many schedules can a test go through in a second, and how many steps?
//
// Baseline: the same coroutines on an `io_context` of their own, in the one order that this has.
#include <coramfs/rw_lock.hpp>
#include <coramfs/testing/explore.hpp>

#include "support/program.hpp"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace coramfs::bench {

namespace {

using testing::schedule;
using testing::simulation;

constexpr int coroutines = 8, operations_of_each = 20;
constexpr unsigned schedules = 100;

/// What one coroutine does.
using body = asio::awaitable<void> (*)(rw_lock&);

/// Each operation has the lock across a post, so that all others wait for it.
asio::awaitable<void> lock_across_posts(rw_lock& lock) {
  for (int i = 0; i < operations_of_each; ++i) {
    const auto hold = co_await lock.acquire();
    co_await asio::post(asio::use_awaitable);
  }
}

/// Each operation ends before a post, so that nobody waits.
asio::awaitable<void> lock_between_posts(rw_lock& lock) {
  for (int i = 0; i < operations_of_each; ++i) {
    { const auto hold = co_await lock.acquire(); }
    co_await asio::post(asio::use_awaitable);
  }
}

void schedules_on_io_context(benchmark::State& state, body of_each) {
  for (auto _ : state) {
    for (unsigned i = 0; i < schedules; ++i) {
      rw_lock lock;
      asio::io_context context{1};
      for (int j = 0; j < coroutines; ++j) asio::co_spawn(context, of_each(lock), asio::detached);
      context.run();
    }
  }
  state.counters["schedules"] =
      benchmark::Counter(schedules, benchmark::Counter::kIsIterationInvariantRate);
}

/// As `explore` runs them, every tenth twice, and with what it looks at.
void schedules_explored(benchmark::State& state, body of_each, const testing::strategy& how) {
  std::uint64_t runs = 0, steps = 0;
  testing::explore_options options;
  options.strategy = how;
  for (auto _ : state) {
    const testing::report r = testing::explore(
        schedules,
        [of_each](simulation& sim) {
          auto& lock = sim.keep<rw_lock>();
          for (int i = 0; i < coroutines; ++i) sim.spawn(of_each(lock));
          sim.run();
        },
        options);
    runs += r.runs;
    steps += r.steps;
  }
  state.counters["schedules"] =
      benchmark::Counter(static_cast<double>(runs), benchmark::Counter::kIsRate);
  state.counters["steps"] =
      benchmark::Counter(static_cast<double>(steps), benchmark::Counter::kIsRate);
}

asio::awaitable<void> post_often(std::size_t times) {
  for (; times != 0; --times) co_await asio::post(asio::use_awaitable);
}

/// As many coroutines that are always ready, and a million steps.
std::size_t posts_of_each(const benchmark::State& state) {
  return scaled(1'000'000, 10'000) / static_cast<std::size_t>(state.range(0));
}

void count_steps(benchmark::State& state) {
  state.counters["steps"] = benchmark::Counter(
      static_cast<double>(posts_of_each(state) * static_cast<std::size_t>(state.range(0))),
      benchmark::Counter::kIsIterationInvariantRate);
}

void steps_on_io_context(benchmark::State& state) {
  for (auto _ : state) {
    asio::io_context context{1};
    for (std::int64_t i = 0; i < state.range(0); ++i)
      asio::co_spawn(context, post_often(posts_of_each(state)), asio::detached);
    context.run();
  }
  count_steps(state);
}

void steps_simulated(benchmark::State& state, const schedule& how) {
  for (auto _ : state) {
    simulation sim(how);
    for (std::int64_t i = 0; i < state.range(0); ++i) sim.spawn(post_often(posts_of_each(state)));
    sim.run();
  }
  count_steps(state);
}

void register_schedules(const std::string& question, body of_each) {
  benchmark::RegisterBenchmark((question + "/io_context").c_str(), schedules_on_io_context,
                               of_each);
  const auto explored = [&](const char* how, const testing::strategy& s) {
    benchmark::RegisterBenchmark((question + how).c_str(), schedules_explored, of_each, s);
  };
  explored("/uniform", schedule::uniform);
  explored("/pct", [](std::uint64_t seed) { return schedule::pct(seed, 3); });
  explored("/mix", {});
}

void register_steps(const char* name, void (*measured)(benchmark::State&)) {
  benchmark::RegisterBenchmark(name, measured)->Arg(8)->Arg(1000)->Unit(benchmark::kMillisecond);
}

}  // namespace

void register_cases() {
  register_schedules("schedules", lock_across_posts);
  register_schedules("schedules_without_waits", lock_between_posts);
  register_steps("steps/io_context", steps_on_io_context);
  register_steps("steps/fifo", [](auto& state) { steps_simulated(state, schedule::fifo()); });
  register_steps("steps/uniform",
                 [](auto& state) { steps_simulated(state, schedule::uniform(1)); });
  register_steps("steps/pct", [](auto& state) { steps_simulated(state, schedule::pct(1, 3)); });
}

}  // namespace coramfs::bench
