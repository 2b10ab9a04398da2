// SPDX-License-Identifier: BSL-1.0
#include "core/quota.hpp"

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <atomic>
#include <latch>
#include <random>
#include <thread>
#include <vector>

namespace coramfs::tests {

namespace {

using detail::charge;
using detail::quota;
using detail::reservation;

constexpr auto unlimited = std::nullopt;
constexpr std::uint64_t most = ~std::uint64_t{0};

std::uint64_t used(const quota& q) { return q.read().committed.bytes; }
std::uint64_t left(quota& q) { return error_of(q.reserve({.bytes = most})).available(); }

void take(quota& q, const charge& c) { q.reserve(c).value().commit(); }

}  // namespace

TEST_CASE("quota: what is reserved is set aside, and charged when it is committed",
          "[core][quota]") {
  quota q(1000, unlimited);
  CHECK(q.max_bytes() == 1000);
  {
    reservation r = q.reserve({.bytes = 600}).value();
    CHECK(used(q) == 0);
    CHECK(left(q) == 400);
    CHECK(q.reserve({.bytes = 400}).has_value());
    r.commit();
    CHECK(used(q) == 600);
    CHECK(left(q) == 400);
  }
  CHECK(used(q) == 600);
  q.release({.bytes = 600});
  CHECK(used(q) == 0);
  CHECK(left(q) == 1000);
}

TEST_CASE("quota: a reservation that is dropped goes back", "[core][quota]") {
  quota q(1000, 11);
  {
    const reservation r = q.reserve({.bytes = 1000, .files = 10}).value();
    CHECK(left(q) == 0);
  }
  CHECK(left(q) == 1000);
  CHECK(q.reserve({.bytes = 1000, .files = 10}).has_value());
  CHECK(q.read().committed.files == 0);
}

TEST_CASE("quota: a refusal tells the numbers and sets nothing aside", "[core][quota]") {
  quota q(1000, unlimited);
  take(q, {.bytes = 700});
  const error e = error_of(q.reserve({.bytes = 301}));
  CHECK(e == errc::quota_exceeded);
  CHECK(e.requested() == 301);
  CHECK(e.available() == 300);
  CHECK(q.reserve({.bytes = 300}).has_value());
}

TEST_CASE("quota: a question is judged as a reservation is, and sets nothing aside",
          "[core][quota]") {
  quota q(1000, 3);
  take(q, {.bytes = 600, .files = 1});
  CHECK(q.require({.bytes = 400}).has_value());
  CHECK(left(q) == 400);
  const error e = error_of(q.require({.bytes = 401}));
  CHECK(e == errc::quota_exceeded);
  CHECK(e.requested() == 401);
  CHECK(e.available() == 400);
  CHECK(q.require({.bytes = 1000}, {.bytes = 600}).has_value());
  CHECK(error_of(q.require({.files = 2})) == errc::node_limit_exceeded);
  CHECK(used(q) == 600);
}

TEST_CASE("quota: no request is large enough to wrap around", "[core][quota]") {
  quota small(1000, 101);
  take(small, {.bytes = 500, .files = 1});
  const reservation held = small.reserve({.bytes = 100, .files = 1}).value();
  const error bytes = error_of(small.reserve({.bytes = most}));
  CHECK(bytes.requested() == most);
  CHECK(bytes.available() == 400);
  CHECK(error_of(small.reserve({.bytes = most - 499})).available() == 400);
  const error nodes = error_of(small.reserve({.files = most}));
  CHECK(nodes == errc::node_limit_exceeded);
  CHECK(nodes.available() == 98);

  quota large(most, most);
  take(large, {.bytes = most});
  CHECK(used(large) == most);
  CHECK(left(large) == 0);
  CHECK(error_of(large.reserve({.bytes = 1})) == errc::quota_exceeded);
}

TEST_CASE("quota: a replacement is judged by what it takes beyond the old", "[core][quota]") {
  quota q(100, 4);
  take(q, {.bytes = 60, .files = 1, .chunks = 4});
  take(q, {.bytes = 35, .directories = 2});
  const charge old{.bytes = 60, .files = 1, .chunks = 4};

  const error e = error_of(q.reserve({.bytes = 66, .files = 1}, old));
  CHECK(e == errc::quota_exceeded);
  CHECK(e.requested() == 6);
  CHECK(e.available() == 5);
  CHECK(error_of(q.reserve({.bytes = 1, .files = 2}, old)).requested() == 1);
  {
    reservation r = q.reserve({.bytes = 65, .files = 1, .chunks = 1}, old).value();
    CHECK(left(q) == 0);
    CHECK(used(q) == 95);
    r.commit();
  }
  CHECK(used(q) == 100);
  CHECK(q.read().committed.chunks == 1);
  CHECK(q.read().committed.nodes() == 3);
  // One that costs less passes in a full volume, and gives back when it is committed.
  reservation r =
      q.reserve({.bytes = 10, .files = 1}, {.bytes = 65, .files = 1, .chunks = 1}).value();
  CHECK(left(q) == 0);
  r.commit();
  CHECK(used(q) == 45);
  CHECK(left(q) == 55);
}

TEST_CASE("quota: a dropped replacement leaves the old charge", "[core][quota]") {
  quota q(100, 4);
  take(q, {.bytes = 60, .files = 1});
  (void)q.reserve({.bytes = 90, .files = 1}, {.bytes = 60, .files = 1}).value();
  (void)q.reserve({.bytes = 10}, {.bytes = 60, .files = 1}).value();
  CHECK(used(q) == 60);
  CHECK(left(q) == 40);
  CHECK(q.read().committed.files == 1);
}

TEST_CASE("quota: a commit counts once", "[core][quota]") {
  quota q(100, unlimited);
  reservation r = q.reserve({.bytes = 10}).value();
  r.commit();
  r.commit();
  CHECK(used(q) == 10);
  reservation().commit();
  CHECK(used(q) == 10);
}

TEST_CASE("quota: a reservation can be moved, and gives back what it is assigned over",
          "[core][quota]") {
  quota q(100, unlimited);
  reservation a = q.reserve({.bytes = 10}).value();
  reservation b = std::move(a);
  CHECK(left(q) == 90);
  a.commit();
  CHECK(used(q) == 0);
  a = q.reserve({.bytes = 20}).value();
  CHECK(left(q) == 70);
  b = std::move(a);
  CHECK(left(q) == 80);
  b.commit();
  CHECK(used(q) == 20);
  b = {};
  CHECK(used(q) == 20);
  reservation c = q.reserve({.bytes = 30}).value();
  c = {};
  CHECK(left(q) == 80);
}

TEST_CASE("quota: a reservation that changes nothing turns into one that does, and back",
          "[core][quota]") {
  quota q(100, unlimited);
  const charge small{.bytes = 10, .files = 1}, large{.bytes = 50, .files = 1};
  q.reserve(small).value().commit();
  {
    reservation r = q.reserve(small, small).value();
    CHECK(left(q) == 90);
    q.adjust(r, large, small).value();
    CHECK(left(q) == 50);
    q.adjust(r, small, small).value();
    CHECK(left(q) == 90);
    q.adjust(r, large, small).value();
  }
  CHECK(left(q) == 90);
  reservation r = q.reserve(small, small).value();
  q.adjust(r, large, small).value();
  r.commit();
  CHECK(used(q) == 50);
  CHECK(q.read().committed.files == 1);
  q.reserve(large, large).value().commit();
  CHECK(used(q) == 50);
}

TEST_CASE("quota: a refused adjustment leaves the reservation as it was", "[core][quota]") {
  quota q(100, 4);
  reservation r = q.reserve({.bytes = 40, .files = 2}).value();
  CHECK(error_of(q.adjust(r, {.bytes = 101, .files = 2}, {})) == errc::quota_exceeded);
  CHECK(error_of(q.adjust(r, {.bytes = 40, .files = 4}, {})) == errc::node_limit_exceeded);
  // Of the three nodes beside the root one is left, and no more.
  CHECK(error_of(q.require({.files = 2})) == errc::node_limit_exceeded);
  CHECK(q.require({.bytes = 60, .files = 1}).has_value());
  r.commit();
  CHECK(q.read().committed == charge{.bytes = 40, .files = 2});
}

TEST_CASE("quota: peak is the highest that was committed", "[core][quota]") {
  quota q(1000, unlimited);
  take(q, {.bytes = 300});
  { const reservation r = q.reserve({.bytes = 700}).value(); }
  CHECK(q.read().peak_bytes == 300);
  q.release({.bytes = 200});
  take(q, {.bytes = 150});
  CHECK(q.read().peak_bytes == 300);
  take(q, {.bytes = 51});
  CHECK(q.read().peak_bytes == 301);
  // A replacement is one step: what is given up is not counted beside what is taken.
  q.reserve({.bytes = 400}, {.bytes = 301}).value().commit();
  CHECK(q.read().peak_bytes == 400);
}

TEST_CASE("quota: nodes are limited, files and directories alike", "[core][quota]") {
  quota q(1000, 4);
  take(q, {.directories = 1});
  const error e = error_of(q.reserve({.files = 2, .directories = 1}));
  CHECK(e == errc::node_limit_exceeded);
  CHECK(e.requested() == 3);
  CHECK(e.available() == 2);
  const reservation r = q.reserve({.files = 1}).value();
  CHECK(error_of(q.reserve({.files = 2})).available() == 1);
  take(q, {.directories = 1});
  CHECK(error_of(q.reserve({.directories = 1})).available() == 0);
  CHECK(q.reserve({.bytes = 5}).has_value());
  q.release({.directories = 1});
  CHECK(q.reserve({.files = 1}).has_value());
}

TEST_CASE("quota: the root is a node that is there from the start", "[core][quota]") {
  for (const std::uint64_t limit : {0u, 1u}) {
    quota q(1000, limit);
    const error e = error_of(q.reserve({.files = 1}));
    CHECK(e == errc::node_limit_exceeded);
    CHECK(e.requested() == 1);
    CHECK(e.available() == 0);
    CHECK(q.reserve({.bytes = 1}).has_value());
  }
  quota q(1000, 2);
  CHECK(error_of(q.reserve({.files = 2})).available() == 1);
  CHECK(q.reserve({.files = 1}).has_value());
  CHECK(q.read().committed.nodes() == 0);
}

TEST_CASE("quota: nodes are looked at before bytes", "[core][quota]") {
  quota q(10, 2);
  CHECK(error_of(q.reserve({.bytes = 11, .files = 2})) == errc::node_limit_exceeded);
  CHECK(error_of(q.reserve({.bytes = 11, .files = 1})) == errc::quota_exceeded);
  CHECK(q.reserve({.bytes = 10, .files = 1}).has_value());
}

TEST_CASE("quota: of fifteen threads that each take a tenth, ten succeed", "[core][quota]") {
  for (int round = 0; round < 50; ++round) {
    quota q(1000, unlimited);
    std::latch start(15);
    std::atomic<int> succeeded = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 15; ++i) {
      threads.emplace_back([&] {
        start.arrive_and_wait();
        auto r = q.reserve({.bytes = 100});
        if (!r) return;
        r.value().commit();
        ++succeeded;
      });
    }
    threads.clear();
    CHECK(succeeded == 10);
    CHECK(used(q) == 1000);
  }
}

TEST_CASE("quota: many threads at once never pass the limits, and all comes back",
          "[core][quota]") {
  quota q(1000, 9);
  std::atomic<bool> passed = false;
  std::vector<std::jthread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, random = std::mt19937(seed)]() mutable {
      charge mine;
      for (int i = 0; i < 20'000; ++i) {
        const charge wanted{.bytes = random() % 400, .files = random() % 3, .chunks = random() % 9};
        auto r = q.reserve(wanted, mine);
        if (r && random() % 4 != 0) {
          r.value().commit();
          mine = wanted;
        }
        const auto now = q.read();
        if (now.committed.bytes > 1000 || now.committed.nodes() > 8 || now.peak_bytes > 1000)
          passed = true;
      }
      q.release(mine);
    });
  }
  threads.clear();
  CHECK(!passed);
  const charge none = q.read().committed;
  CHECK(none.bytes == 0);
  CHECK(none.nodes() == 0);
  CHECK(none.chunks == 0);
  CHECK(q.reserve({.bytes = 1000, .files = 8}).has_value());
}

}  // namespace coramfs::tests
