// SPDX-License-Identifier: BSL-1.0
#include "core/memory_guard.hpp"

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <chrono>
#include <cstdint>
#include <limits>

namespace coramfs::tests {

using detail::memory_guard;

TEST_CASE("memory guard: a reading of all there can be is not passed by what is freed since",
          "[core][guard]") {
  memory_guard_options options;
  options.mode = guard_mode::per_write;
  options.action = guard_action::reject;
  options.interval = std::chrono::hours(1);
  options.available_memory = [] { return std::numeric_limits<std::uint64_t>::max(); };
  memory_guard guard(options);
  CHECK(guard.check(1, {.charged = 100, .promised = 100}));
  CHECK(guard.check(1000, {.charged = 50, .promised = 50}));
}

TEST_CASE("memory guard: what is promised counts from the reading on", "[core][guard]") {
  memory_guard_options options;
  options.mode = guard_mode::per_write;
  options.action = guard_action::reject;
  options.interval = std::chrono::hours(1);
  options.available_memory = [] { return std::uint64_t{1000}; };
  memory_guard guard(options);
  CHECK(error_of(guard.check(601, {.charged = 100, .promised = 500})) == errc::memory_guard);
  CHECK(guard.check(600, {.charged = 100, .promised = 500}));
  CHECK(guard.check(1000, {.charged = 100, .promised = 100}));
  CHECK(guard.check(1050, {.charged = 50, .promised = 50}));
}

}  // namespace coramfs::tests
