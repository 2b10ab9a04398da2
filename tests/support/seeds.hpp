// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/catch.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>

namespace coramfs::tests {

/// What must hold does not. Cheaper than an assertion of Catch2, for what is asked millions of
/// times.
inline void require(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

/// A number from the environment.
inline std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr std::uint64_t sanitizer_slowness = 20;
#else
inline constexpr std::uint64_t sanitizer_slowness = 1;
#endif

/// Runs one experiment for each of many seeds, and stops at the first that fails.
///
///     CORAMFS_SEEDS=10000000 tests/deterministic     so many seeds for each test case
///     CORAMFS_SEED=4711 tests/deterministic "..."    one seed again, as a failure has named it
template <class Experiment>
void for_each_seed(std::uint64_t count, Experiment experiment) {
  const std::uint64_t only = from_environment("CORAMFS_SEED", ~std::uint64_t{0});
  const bool is_one = only != ~std::uint64_t{0};
  const std::uint64_t first = is_one ? only : 0;
  const std::uint64_t fewer = std::max(count / sanitizer_slowness, std::uint64_t{1});
  const std::uint64_t end = is_one ? only + 1 : from_environment("CORAMFS_SEEDS", fewer);
  for (std::uint64_t seed = first; seed < end; ++seed) {
    try {
      experiment(seed);
    } catch (const std::exception& e) {
      FAIL("CORAMFS_SEED=" << seed << ": " << e.what());
    }
  }
  SUCCEED("seeds: " << end - first);
}

}  // namespace coramfs::tests
