// SPDX-License-Identifier: BSL-1.0
#include "core/steps.hpp"

#include <coramfs/detail/fair_lock.hpp>

#include "support/catch.hpp"
#include "sync/run.hpp"

#include <new>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using detail::finished;
using detail::progress;
using detail::steps;
using detail::turn;
using detail::turn_in_any_case;

using log = std::vector<std::string>;

/// Notes when it goes.
class goes {
 public:
  goes(log& to, std::string name) : to_(to), name_(std::move(name)) {}
  goes(const goes&) = delete;
  goes& operator=(const goes&) = delete;
  ~goes() { to_.push_back(name_); }

 private:
  log& to_;
  std::string name_;
};

steps<int> at_once(log& l) {
  const goes local(l, "local goes");
  l.push_back("runs");
  co_return 7;
}

steps<int> in_slices(log& l, int slices) {
  const goes local(l, "local goes");
  for (int i = 0; i < slices; ++i) {
    l.push_back("slice " + std::to_string(i));
    BOOST_OUTCOME_CO_TRY(co_await turn());
  }
  co_return slices;
}

steps<int> undone_in_slices(log& l, int slices) {
  auto work = in_slices(l, slices);
  auto done = co_await finished(work);
  for (int i = 0; i < 2; ++i) {
    l.push_back("undoes " + std::to_string(i));
    co_await turn_in_any_case();
  }
  co_return done;
}

/// An operation that takes a lock.
class locking {
 public:
  explicit locking(detail::fair_lock& lock) noexcept
      : claim_(lock, detail::fair_lock::kind::exclusive) {}

  progress advance() noexcept {
    return std::exchange(has_asked_, true) ? progress::done : progress::waits;
  }
  detail::claim& awaited() noexcept { return claim_; }
  lock_timeout patience() const noexcept { return lock_timeout::immediate(); }
  error unmet() const noexcept { return errc::would_block; }
  std::atomic<std::uint64_t>* waiting() const noexcept { return nullptr; }
  void refuse(const error& why) noexcept { status_ = why; }
  result<void> outcome() noexcept { return status_; }

 private:
  detail::lock_claim claim_;
  bool has_asked_ = false;
  result<void> status_ = boost::outcome_v2::success();
};

steps<std::string> under(detail::fair_lock& lock) {
  locking taken(lock);
  BOOST_OUTCOME_CO_TRY(co_await finished(taken));
  lock.unlock(detail::fair_lock::kind::exclusive);
  co_return "had it";
}

steps<int> throws(log& l) {
  const goes local(l, "local goes");
  BOOST_OUTCOME_CO_TRY(co_await turn());
  throw std::bad_alloc();
}

}  // namespace

TEST_CASE("steps: nothing is done before the first step, and locals go before the outcome is told",
          "[core][steps]") {
  log l;
  {
    auto s = at_once(l);
    CHECK(l.empty());
    CHECK(s.advance() == progress::done);
    CHECK(l == log{"runs", "local goes"});
    CHECK(s.outcome().value() == 7);
  }
  l.clear();
  static_cast<void>(at_once(l));
  CHECK(l.empty());
}

TEST_CASE("steps: each turn ends a step", "[core][steps]") {
  log l;
  auto s = in_slices(l, 2);
  CHECK(s.advance() == progress::yields);
  CHECK(l == log{"slice 0"});
  CHECK(s.advance() == progress::yields);
  CHECK(l == log{"slice 0", "slice 1"});
  CHECK(s.advance() == progress::done);
  CHECK(l.back() == "local goes");
  CHECK(s.outcome().value() == 2);
}

TEST_CASE("steps: a refusal comes out of the turn in which it came", "[core][steps]") {
  log l;
  auto s = in_slices(l, 3);
  CHECK(s.advance() == progress::yields);
  s.refuse(errc::canceled);
  CHECK(s.advance() == progress::done);
  CHECK(l == log{"slice 0", "local goes"});
  CHECK(s.outcome().error() == errc::canceled);
}

TEST_CASE("steps: a refusal is that of the operation which is run, and ends no undoing",
          "[core][steps]") {
  log l;
  auto s = undone_in_slices(l, 3);
  CHECK(s.advance() == progress::yields);
  CHECK(s.advance() == progress::yields);
  s.refuse(errc::canceled);
  CHECK(s.advance() == progress::yields);
  CHECK(l == log{"slice 0", "slice 1", "local goes", "undoes 0"});
  s.refuse(errc::timed_out);
  CHECK(s.advance() == progress::yields);
  CHECK(s.advance() == progress::done);
  CHECK(l.back() == "undoes 1");
  CHECK(s.outcome().error() == errc::canceled);
}

TEST_CASE("steps: what an operation waits for is waited for", "[core][steps]") {
  detail::fair_lock lock;
  CHECK(detail::run_blocking(under(lock)).value() == "had it");
  REQUIRE(lock.try_lock(detail::fair_lock::kind::exclusive));
  CHECK(detail::run_blocking(under(lock)).error() == errc::timed_out);
  lock.unlock(detail::fair_lock::kind::exclusive);
}

TEST_CASE("steps: one that is dropped lets go of everything", "[core][steps]") {
  log l;
  {
    auto s = undone_in_slices(l, 3);
    CHECK(s.advance() == progress::yields);
    auto moved = std::move(s);
    CHECK(moved.advance() == progress::yields);
  }
  CHECK(l == log{"slice 0", "slice 1", "local goes"});
}

// Where a frame is refused is seen where all allocations are, in tests/allocation.
TEST_CASE("steps: memory that is refused is an error", "[core][steps]") {
  log l;
  auto s = throws(l);
  CHECK(s.advance() == progress::yields);
  CHECK(s.advance() == progress::done);
  CHECK(l == log{"local goes"});
  CHECK(s.outcome().error() == errc::out_of_memory);
}

TEST_CASE("steps: a scope in which no step may end is told of", "[core][steps]") {
  CHECK_FALSE(detail::step_scope::is_open());
#ifndef NDEBUG
  const detail::step_scope open;
  CHECK(detail::step_scope::is_open());
#endif
}

}  // namespace coramfs::tests
