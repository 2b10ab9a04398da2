// SPDX-License-Identifier: BSL-1.0
// A blocked thread and its deadline: what no schedule brings about on purpose, a claim of our own
// does while it is asked to take the thread out of its queue.
#include <coramfs/detail/waiting.hpp>

#include "core/quota.hpp"

#include "support/catch.hpp"

#include <chrono>
#include <optional>
#include <thread>

namespace coramfs::tests {

namespace {

using detail::admission;
using detail::block_on;
using detail::quota;
using detail::space_claim;

const detail::deadline passed = std::chrono::steady_clock::time_point::min();

/// Room in a quota for which somebody makes place in the moment when the thread gives up.
class crossed final : public detail::claim {
 public:
  crossed(quota& q, std::uint64_t bytes) : quota_(q), wanted_(q, bytes) {}

  bool enqueue(detail::waiter& w) noexcept override { return wanted_.enqueue(w); }
  bool withdraw(detail::waiter& w, admission& others) noexcept override {
    quota_.release({.bytes = 1000});
    return wanted_.withdraw(w, others);
  }
  void give_back() noexcept override { wanted_.give_back(); }

 private:
  quota& quota_;
  space_claim wanted_;
};

/// It was granted when the deadline passed, by one who says so only later.
class granted_and_told_later final : public detail::claim {
 public:
  ~granted_and_told_later() { teller_.join(); }

  bool enqueue(detail::waiter&) noexcept override { return false; }
  bool withdraw(detail::waiter& w, admission&) noexcept override {
    teller_ = std::thread([&] { w.granted(); });
    return false;
  }
  void give_back() noexcept override {}

 private:
  std::thread teller_;
};

}  // namespace

TEST_CASE("blocking: a grant that crosses the deadline is had, not lost", "[core][waiting]") {
  quota q(1000, std::nullopt);
  q.reserve({.bytes = 1000}).value().commit();
  crossed wanted(q, 600);
  REQUIRE(block_on(wanted, passed));
  CHECK(q.left() == 400);
  wanted.give_back();
  CHECK(q.left() == 1000);
}

TEST_CASE("blocking: one who was granted stays until it is told", "[core][waiting]") {
  granted_and_told_later wanted;
  CHECK(block_on(wanted, passed));
}

TEST_CASE("blocking: one whose deadline has passed is in no queue any more, and passes its turn on",
          "[core][waiting]") {
  quota q(1000, std::nullopt);
  q.reserve({.bytes = 1000}).value().commit();
  space_claim wanted(q, 600);
  std::atomic<std::uint64_t> waiting = 0;
  CHECK_FALSE(block_on(wanted, passed, &waiting));
  CHECK(waiting == 0);
  q.release({.bytes = 700});
  CHECK(q.left() == 700);
  CHECK(q.reserve({.bytes = 700}).has_value());
}

}  // namespace coramfs::tests
