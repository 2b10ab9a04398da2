// SPDX-License-Identifier: BSL-1.0
// Files that are fetched, where memory is refused: each allocation in turn, and all from then on.
#include <coramfs/fetch.hpp>
#include <coramfs/sync/fetch.hpp>
#include <coramfs/testing/faults.hpp>

#include "allocation/malloc_faults.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/execution.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

namespace coramfs::tests {

namespace {

asio::awaitable<result<void>> produce(file to) {
  const auto done = co_await to.write(asio::buffer("abc", 3));
  if (!done) co_return done.error();
  co_return boost::outcome_v2::success();
}

/// Refuses the nth allocation, and perhaps all from then on, until the producer is handed over to
/// Asio: what that takes in the first step of a coroutine it must have, or it ends the program.
class until_handed_over final : public testing::fault_policy {
 public:
  until_handed_over(std::size_t nth, bool for_ever) : nth_(nth), for_ever_(for_ever) {}

  std::optional<error> at(testing::fault_point, std::string_view, std::uint64_t) override {
    if (was_handed_over) return std::nullopt;
    ++met_;
    if (met_ < nth_ || (met_ > nth_ && !for_ever_)) return std::nullopt;
    return errc::out_of_memory;
  }

  bool was_handed_over = false;

 private:
  std::size_t nth_, met_ = 0;
  bool for_ever_;
};

/// The executor of a context, which is asked for that when a strand is made.
class telling_executor {
 public:
  telling_executor(asio::io_context& on, until_handed_over& told) : on_(&on), told_(&told) {}

  asio::execution_context& query(asio::execution::context_t) const noexcept {
    told_->was_handed_over = true;
    return *on_;
  }
  static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept {
    return asio::execution::blocking.never;
  }
  telling_executor require(asio::execution::blocking_t::never_t) const noexcept { return *this; }
  template <class Function>
  void execute(Function f) const {
    asio::post(*on_, std::move(f));
  }
  friend bool operator==(const telling_executor& a, const telling_executor& b) noexcept {
    return a.on_ == b.on_;
  }
  friend bool operator!=(const telling_executor& a, const telling_executor& b) noexcept {
    return !(a == b);
  }

 private:
  asio::io_context* on_;
  until_handed_over* told_;
};

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
    until_handed_over faults(nth, for_ever);
    o.on = telling_executor(context, faults);
    faults.was_handed_over = false;
    if (!stops) o.when_alone = fetch_options::alone::finish;
    std::optional<result<follower>> got;
    int begun = 0;
    bool has_thrown = false, failed = false;
    {
      const malloc_faults failing(faults);
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
