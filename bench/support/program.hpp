// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>

namespace coramfs::bench {

/// How much a program does. `small` is for tests of the benchmarks, whose figures mean nothing;
/// `large` takes gigabytes and minutes.
enum class size { small, normal, large };

/// Of this run: `--small` or `--large` on the command line.
size chosen_size() noexcept;

/// A figure that shrinks for a test.
inline std::size_t scaled(std::size_t normal, std::size_t small) noexcept {
  return chosen_size() == size::small ? small : normal;
}

/// How many files are made where the question is what very many take: a million, or N with
/// `--files=N` on the command line.
std::size_t most_files() noexcept;

/// Each program defines this one: it registers its cases as "<question>/<who>", where what is
/// compared shares the question. The main program calls it when it knows the size.
void register_cases();

using clock = std::chrono::steady_clock;

/// Reports what took from `begin` to now as the time of one iteration.
inline void stop_watch(benchmark::State& state, clock::time_point begin) {
  state.SetIterationTime(std::chrono::duration<double>(clock::now() - begin).count());
}

}  // namespace coramfs::bench
