// SPDX-License-Identifier: BSL-1.0
//
// How often does each operation allocate?
//
// Baselines: a ready coroutine and a bare post, which do not. The times of this program mean
// nothing: look at the counter `allocations`, of one operation.
#include "support/counting_malloc.hpp"
#include "support/operations.hpp"
#include "support/program.hpp"

#include <string>

namespace coramfs::bench {

namespace {

// What starting the coroutine takes, in which they all run.
std::size_t allocations_of(const operation& o, std::size_t times) {
  const std::size_t before = allocations_so_far();
  o.run(times);
  return allocations_so_far() - before;
}

void count_allocations(benchmark::State& state, const operation& o) {
  constexpr std::size_t few = 100, many = 1100;
  o.run(many);  // what is kept for reuse is there afterwards
  for (auto _ : state) {
    const auto more =
        static_cast<double>(allocations_of(o, many)) - static_cast<double>(allocations_of(o, few));
    state.counters["allocations"] = more / static_cast<double>(many - few);
  }
}

void register_counting(const operation& o) {
  benchmark::RegisterBenchmark(o.name.c_str(), [o](benchmark::State& state) {
    count_allocations(state, o);
  })->Iterations(1);
}

}  // namespace

void register_cases() {
  for (const operation& o : operations()) register_counting(o);
  for (const operation& o : lock_operations()) register_counting(o);
}

}  // namespace coramfs::bench
