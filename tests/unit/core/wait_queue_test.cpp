// SPDX-License-Identifier: BSL-1.0
// Waiters in the order of what they want.
#include <coramfs/detail/waiting.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <random>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using detail::admission;
using detail::wait_queue;

/// Writes down what it has wanted, and as which one it has come, when it is granted.
class numbered_waiter final : public detail::waiter {
 public:
  using note = std::pair<std::uint64_t, int>;
  numbered_waiter(note what, std::vector<note>& log) : what_(what), log_(log) {}

 private:
  void granted() noexcept override { log_.push_back(what_); }

  note what_;
  std::vector<note>& log_;
};

}  // namespace

TEST_CASE("wait_queue: who is inserted by want stands behind all who want no more",
          "[core][waiting]") {
  std::vector<numbered_waiter::note> expected, granted;
  std::deque<numbered_waiter> waiters;
  wait_queue queue;
  std::mt19937 random(7);
  const unsigned wants = GENERATE(1u, 2u, 5u, 1000u);
  const int count = GENERATE(1, 2, 3, 300);
  for (int i = 0; i < count; ++i) {
    expected.emplace_back(random() % wants, i);
    waiters.emplace_back(expected.back(), granted);
    queue.insert_by_want(waiters.back(), expected.back().first);
  }
  // Some go before it is their turn.
  for (int i = 0; i < count; i += 3) {
    CHECK(queue.remove(waiters[static_cast<std::size_t>(i)]));
    std::erase_if(expected, [&](const auto& e) { return e.second == i; });
  }
  std::sort(expected.begin(), expected.end());
  {
    admission told;
    while (!queue.empty()) queue.admit_head(told);
  }
  CHECK(granted == expected);
}

}  // namespace coramfs::tests
