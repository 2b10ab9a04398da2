// SPDX-License-Identifier: BSL-1.0
#include "core/thread_lane.hpp"

#include "support/catch.hpp"

#include <barrier>
#include <cstddef>
#include <set>
#include <thread>
#include <vector>

namespace coramfs::tests {

using detail::no_lane;
using detail::thread_lane;
using detail::thread_lanes;

TEST_CASE("thread_lane: threads that live at once have different lanes, if there are enough",
          "[core][thread_lane]") {
  constexpr std::size_t threads = thread_lanes + 10;
  std::vector<unsigned> lane(threads), again(threads);
  std::barrier all_have(std::ptrdiff_t{threads});
  std::vector<std::thread> all;
  for (std::size_t t = 0; t < threads; ++t)
    all.emplace_back([&, t] {
      lane[t] = thread_lane();
      all_have.arrive_and_wait();
      again[t] = thread_lane();
    });
  for (std::thread& t : all) t.join();
  CHECK(lane == again);
  std::set<unsigned> different;
  std::size_t without = 0;
  for (const unsigned l : lane) {
    CHECK(l <= no_lane);
    l == no_lane ? void(++without) : void(different.insert(l));
  }
  CHECK(different.size() == threads - without);
  CHECK(without >= 10);
  for (const unsigned l : different) CHECK(l < detail::lanes_in_use());
}

TEST_CASE("thread_lane: a thread that ends leaves its lane to others", "[core][thread_lane]") {
  for (unsigned i = 0; i < 3 * thread_lanes; ++i) {
    unsigned lane = no_lane;
    std::thread([&] { lane = thread_lane(); }).join();
    REQUIRE(lane != no_lane);
  }
}

}  // namespace coramfs::tests
