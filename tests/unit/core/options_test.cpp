// SPDX-License-Identifier: BSL-1.0
#include <coramfs/entries.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/options.hpp>

#include "support/catch.hpp"

#include <chrono>
#include <cmath>
#include <limits>
#include <ratio>
#include <type_traits>

namespace coramfs::tests {

namespace {

using namespace std::chrono_literals;

template <class Rep, class Period = std::ratio<1>>
using span = std::chrono::duration<Rep, Period>;

// A timeout's length, as far as a deadline shows it.
std::optional<std::chrono::nanoseconds> length(const lock_timeout& t) {
  const auto deadline = t.deadline({});
  if (!deadline) return std::nullopt;
  return deadline->time_since_epoch();
}

template <class Rep>
constexpr auto largest = std::numeric_limits<Rep>::max();

}  // namespace

// g++ 12 destroys some temporaries of a co_await expression twice, so what is passed in one must
// not care.
static_assert(std::is_trivially_destructible_v<open_options>);
static_assert(std::is_trivially_destructible_v<export_options>);
static_assert(std::is_trivially_destructible_v<lock_timeout>);
static_assert(std::is_trivially_destructible_v<std::optional<lock_timeout>>);
static_assert(std::is_trivially_copyable_v<lock_timeout>);

TEST_CASE("lock_timeout: zero or less is immediate", "[core][options]") {
  CHECK(lock_timeout::immediate().is_immediate());
  CHECK(!lock_timeout::immediate().is_forever());
  for (const lock_timeout& t :
       {lock_timeout(0s), lock_timeout(-1ns), lock_timeout(-1h), lock_timeout(span<double>(0.0)),
        lock_timeout(span<double>(-0.0)), lock_timeout(span<double>(-1e300)),
        lock_timeout(std::chrono::nanoseconds::min()), lock_timeout(std::chrono::hours::min()),
        lock_timeout(span<double>(std::nan(""))),
        lock_timeout(span<double>(-std::numeric_limits<double>::infinity()))}) {
    CHECK(t.is_immediate());
    CHECK(length(t) == 0ns);
  }
}

TEST_CASE("lock_timeout: any positive duration is a length of its own", "[core][options]") {
  CHECK(length(30s) == 30s);
  CHECK(length(1ns) == 1ns);
  CHECK(length(250ms) == 250ms);
  CHECK(length(24h) == 24h);
  CHECK(length(span<double>(1.5)) == 1500ms);
  CHECK(length(span<float, std::milli>(0.5f)) == 500us);
  CHECK(length(span<short, std::ratio<60>>(2)) == 2min);
  CHECK(length(span<std::uint64_t>(7)) == 7s);
  for (const lock_timeout& t : {lock_timeout(1ns), lock_timeout(1h)}) {
    CHECK(!t.is_immediate());
    CHECK(!t.is_forever());
  }
}

TEST_CASE("lock_timeout: what is no whole number of ticks is rounded up", "[core][options]") {
  CHECK(length(span<int, std::pico>(1)) == 1ns);
  CHECK(length(span<int, std::pico>(1001)) == 2ns);
  CHECK(length(span<int, std::pico>(2000)) == 2ns);
  CHECK(length(span<double, std::nano>(0.001)) == 1ns);
  CHECK(length(span<double, std::nano>(2.5)) == 3ns);
  CHECK(length(span<double>(1e-300)) == 1ns);
  CHECK(!lock_timeout(span<double>(1e-300)).is_immediate());
}

TEST_CASE("lock_timeout: too long for a deadline is forever", "[core][options]") {
  CHECK(lock_timeout::forever().is_forever());
  CHECK(!lock_timeout::forever().is_immediate());
  using years = span<std::int64_t, std::ratio<31556952>>;
  for (const lock_timeout& t :
       {lock_timeout(std::chrono::nanoseconds::max()), lock_timeout(std::chrono::seconds::max()),
        lock_timeout(std::chrono::hours::max()), lock_timeout(years::max()),
        lock_timeout(years(300)), lock_timeout(span<double>(1e300)),
        lock_timeout(span<double>(9.3e9)),
        lock_timeout(span<std::uint64_t>(largest<std::uint64_t>)),
        lock_timeout(span<std::uint64_t, std::nano>(largest<std::uint64_t>)),
        lock_timeout(span<double>(std::numeric_limits<double>::infinity())),
        lock_timeout(span<double, std::nano>(9223372036854775807.0))}) {
    CHECK(t.is_forever());
    CHECK(!length(t));
  }
}

TEST_CASE("lock_timeout: close to the longest, nothing wraps around", "[core][options]") {
  const double edge = 9223372036.854775807;
  double below = edge;
  for (int i = 0; i < 10; ++i, below = std::nextafter(below, 0.0)) {
    const lock_timeout t{span<double>(below)};
    INFO(below);
    CHECK((t.is_forever() || length(t) > std::chrono::hours(24 * 365 * 292)));
  }
  for (float f = static_cast<float>(edge), i = 0; i < 5; ++i, f = std::nextafter(f, 0.0f)) {
    const lock_timeout t{span<float>(f)};
    CHECK((t.is_forever() || length(t) > std::chrono::hours(24 * 365 * 292)));
  }
}

TEST_CASE("lock_timeout: a deadline that would overflow is none", "[core][options]") {
  using clock = std::chrono::steady_clock;
  const clock::time_point late = clock::time_point::max() - 10s;
  CHECK(lock_timeout(10s).deadline(late) == clock::time_point::max());
  CHECK(!lock_timeout(10s + 1ns).deadline(late));
  CHECK(!lock_timeout(std::chrono::nanoseconds::max() - 1ns).deadline(clock::now()));
  CHECK(lock_timeout(1s).deadline(clock::time_point(5s)) == clock::time_point(6s));
  CHECK(!lock_timeout::forever().deadline(clock::time_point()));
}

}  // namespace coramfs::tests
