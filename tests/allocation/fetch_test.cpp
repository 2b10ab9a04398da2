// SPDX-License-Identifier: BSL-1.0
// Files that are fetched, where memory is refused: each allocation in turn, and all from then on.
#include <coramfs/fetch.hpp>
#include <coramfs/sync/fetch.hpp>

#include "allocation/malloc_faults.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/io_context.hpp>

#include <cstddef>
#include <new>
#include <optional>
#include <utility>

namespace coramfs::tests {

namespace {

asio::awaitable<result<void>> produce(file to) {
  const auto done = co_await to.write(asio::buffer("abc", 3));
  if (!done) co_return done.error();
  co_return boost::outcome_v2::success();
}

}  // namespace

TEST_CASE("fetch and allocations: a call that is refused leaves no file and no producer",
          "[allocation][fetch]") {
  const bool for_ever = GENERATE(false, true);
  const bool stops = GENERATE(true, false);
  for (std::size_t nth = 1;; ++nth) {
    CAPTURE(nth, for_ever, stops);
    const volume v = volume::create().value();
    asio::io_context context;
    const file_system fs(context.get_executor(), v);
    fetch_options o;
    if (!stops) o.when_alone = fetch_options::alone::finish;
    std::optional<result<follower>> got;
    int begun = 0;
    bool has_thrown = false, failed = false;
    {
      const malloc_faults failing(nth_allocation(nth, for_ever));
      try {
        fs.fetch(
            "/f",
            [&](file to) {
              ++begun;
              return produce(std::move(to));
            },
            o, [&](result<follower> r) { got = std::move(r); });
      } catch (const std::bad_alloc&) {
        has_thrown = true;
      }
      failed = failing.has_failed();
    }
    context.run();
    if (has_thrown || !*got) {
      REQUIRE((has_thrown || got->error() == errc::out_of_memory));
      REQUIRE(begun == 0);
      REQUIRE(v.stats().file_count == 0);
      REQUIRE(v.stats().open_handles == 0);
      continue;
    }
    REQUIRE(begun == 1);
    REQUIRE(got->value().committed() == 3);
    if (failed) continue;
    CHECK(nth > 5);
    break;
  }
}

TEST_CASE("fetch and allocations: a thread's call is refused, or has the file made",
          "[allocation][fetch]") {
  const bool for_ever = GENERATE(false, true);
  for (std::size_t nth = 1;; ++nth) {
    CAPTURE(nth, for_ever);
    const volume v = volume::create().value();
    const sync::file_system fs(v);
    bool failed = false;
    const auto produce_here = [](sync::file& to) -> result<void> {
      BOOST_OUTCOME_TRY(to.write("abc"));
      return boost::outcome_v2::success();
    };
    auto got = [&] {
      const malloc_faults failing(nth_allocation(nth, for_ever));
      auto f = fs.fetch("/f", produce_here);
      failed = failing.has_failed();
      return f;
    }();
    if (!got) {
      // Of the producer it is told as abandoned.
      REQUIRE((got.error() == errc::out_of_memory || got.error() == errc::abandoned));
      REQUIRE(v.stats().file_count == 0);
      REQUIRE(v.stats().open_handles == 0);
      continue;
    }
    REQUIRE(got.value().committed() == 3);
    if (failed) continue;
    CHECK(nth > 3);
    break;
  }
}

}  // namespace coramfs::tests
