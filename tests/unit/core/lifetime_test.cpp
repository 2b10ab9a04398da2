// SPDX-License-Identifier: BSL-1.0
#include "core/lifetime.hpp"

#include "support/catch.hpp"

#include <atomic>
#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using detail::life_hold;
using detail::lifetime;
using by = lifetime::by;

constexpr std::size_t many_lanes = 20;  // more than there are

class counted final : public lifetime {
 public:
  explicit counted(std::atomic<int>& ends) noexcept : ends_(ends) {}

 private:
  void end() noexcept override { ++ends_; }

  std::atomic<int>& ends_;
};

}  // namespace

TEST_CASE("lifetime: what nobody else holds ends with its owner", "[core][lifetime]") {
  std::atomic<int> ends{0};
  counted c(ends);
  for (std::size_t lane = 0; lane < many_lanes; ++lane) {
    c.add(by::handle, lane);
    c.drop(by::handle, lane);
  }
  CHECK(ends == 0);
  c.drop_owner();
  CHECK(ends == 1);
}

TEST_CASE("lifetime: what it has lent keeps it alive, and is no handle and no pin",
          "[core][lifetime]") {
  std::atomic<int> ends{0};
  counted c(ends);
  CHECK_FALSE(c.has_loans());
  c.add_loans(3);
  c.drop_loan();
  c.drop_owner();
  CHECK(c.has_loans());
  CHECK(c.handles() == 0);
  CHECK(c.pins() == 0);
  c.drop_loan();
  CHECK(ends == 0);
  c.drop_loan();
  CHECK(ends == 1);
}

TEST_CASE("lifetime: a hold in any lane keeps it alive after its owner", "[core][lifetime]") {
  for (const by what : {by::handle, by::pin}) {
    for (std::size_t lane = 0; lane < many_lanes; ++lane) {
      std::atomic<int> ends{0};
      counted c(ends);
      c.add(what, lane);
      c.drop_owner();
      CHECK(ends == 0);
      c.add(by::pin, lane);
      c.drop(what, lane);
      CHECK(ends == 0);
      c.drop(by::pin, lane);
      CHECK(ends == 1);
    }
  }
}

TEST_CASE("lifetime: it ends with the last of many holds, in whatever order", "[core][lifetime]") {
  for (std::size_t last = 0; last < many_lanes; ++last) {
    std::atomic<int> ends{0};
    counted c(ends);
    for (std::size_t lane = 0; lane < many_lanes; ++lane) c.add(by::handle, lane);
    for (std::size_t lane = 0; lane < many_lanes; lane += 2)
      if (lane != last) c.drop(by::handle, lane);
    c.drop_owner();
    for (std::size_t lane = 1; lane < many_lanes; lane += 2)
      if (lane != last) c.drop(by::handle, lane);
    CHECK(ends == 0);
    c.drop(by::handle, last);
    CHECK(ends == 1);
  }
}

TEST_CASE("lifetime: handles are counted, pins are not among them", "[core][lifetime]") {
  std::atomic<int> ends{0};
  counted c(ends);
  c.add(by::handle, 0);
  c.add(by::handle, 1);
  c.add(by::handle, 1);
  {
    life_hold pin(c, 1), moved(std::move(pin)), assigned;
    assigned = std::move(moved);
    CHECK(c.handles() == 3);
    c.drop(by::handle, 1);
    CHECK(c.handles() == 2);
  }
  c.drop_owner();
  CHECK(c.handles() == 2);
  c.drop(by::handle, 0);
  CHECK(ends == 0);
  c.drop(by::handle, 1);
  CHECK(ends == 1);
}

TEST_CASE("lifetime: of those who leave at once with the owner one ends it",
          "[core][lifetime][race]") {
  constexpr int rounds = 3000;
  constexpr std::size_t threads = 3;
  for (int round = 0; round < rounds; ++round) {
    std::atomic<int> ends{0};
    counted c(ends);
    // In one lane and in different ones.
    for (std::size_t i = 0; i < threads; ++i) c.add(by::handle, i / 2);
    std::atomic<std::size_t> ready{0};
    const auto meet = [&] {
      ++ready;
      while (ready < threads + 1) std::this_thread::yield();
    };
    std::vector<std::thread> all;
    for (std::size_t i = 0; i < threads; ++i)
      all.emplace_back([&, i] {
        meet();
        c.drop(by::handle, i / 2);
      });
    meet();
    c.drop_owner();
    for (std::thread& t : all) t.join();
    REQUIRE(ends == 1);
  }
}

}  // namespace coramfs::tests
