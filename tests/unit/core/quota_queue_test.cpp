// SPDX-License-Identifier: BSL-1.0
// The queue for room in a quota, step by step: who is served, and what others may take meanwhile.
#include "core/funding.hpp"
#include "core/quota.hpp"

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/core/use_up.hpp"

#include <chrono>
#include <deque>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace coramfs::tests {

namespace {

using detail::admission;
using detail::grant;
using detail::quota;
using detail::reservation;
using detail::space_claim;

/// Writes its name down when it is granted, and holds what it was granted until it is told to let
/// go.
class hungry final : public detail::waiter {
 public:
  hungry(quota& q, char name, std::uint64_t bytes, std::string& log, grant* had = nullptr)
      : claim(q, bytes, had), name_(name), log_(log) {}

  space_claim claim;

 private:
  void granted() noexcept override { log_ += name_; }

  char name_;
  std::string& log_;
};

/// A full quota of 1000 bytes, and those who wait for room in it.
class full_quota {
 public:
  quota q{1000, std::nullopt};
  std::string served;

  full_quota() { q.reserve({.bytes = 1000}).value().commit(); }

  hungry& wait(char name, std::uint64_t bytes, grant* had = nullptr) {
    hungry& h = waiting_.emplace_back(q, name, bytes, served, had);
    CHECK(!h.claim.enqueue(h));
    return h;
  }
  std::string served_by_release(std::uint64_t bytes) {
    served.clear();
    q.release({.bytes = bytes});
    return served;
  }
  bool leaves(hungry& h) {
    admission others;
    return h.claim.withdraw(h, others);
  }
  std::uint64_t left() { return error_of(q.reserve({.bytes = ~std::uint64_t{0}})).available(); }
  std::uint64_t used() const { return q.read().committed.bytes; }

 private:
  std::deque<hungry> waiting_;
};

}  // namespace

TEST_CASE("quota queue: who fits is served at once", "[core][quota]") {
  quota q(1000, std::nullopt);
  std::string log;
  hungry h(q, 'a', 1000, log);
  REQUIRE(h.claim.enqueue(h));
  CHECK(log.empty());
  CHECK(q.read().committed.bytes == 0);
  CHECK(error_of(q.reserve({.bytes = 1})) == errc::quota_exceeded);
  use_up(q, h.claim.take());
  CHECK(q.read().committed.bytes == 1000);
}

TEST_CASE("quota queue: the head is served when enough has been freed, not before",
          "[core][quota]") {
  full_quota f;
  f.wait('a', 300);
  CHECK(f.served_by_release(299).empty());
  CHECK(f.served_by_release(1) == "a");
}

TEST_CASE("quota queue: it is served strictly in order", "[core][quota]") {
  full_quota f;
  f.wait('a', 300);
  f.wait('b', 10);
  f.wait('c', 10);
  CHECK(f.served_by_release(100).empty());
  CHECK(f.served_by_release(210) == "ab");
  CHECK(f.served_by_release(10) == "c");
}

TEST_CASE("quota queue: what is freed while one waits is nobody else's", "[core][quota]") {
  full_quota f;
  f.q.release({.bytes = 50});
  f.wait('a', 300);
  f.q.release({.bytes = 200});
  CHECK(f.used() == 750);
  CHECK(f.left() == 50);
  CHECK(error_of(f.q.reserve({.bytes = 51})) == errc::quota_exceeded);
  const auto taken = f.q.reserve({.bytes = 50});
  CHECK(taken.has_value());
  CHECK(f.served_by_release(50).empty());
  CHECK(f.served_by_release(50) == "a");
}

TEST_CASE("quota queue: who comes to it goes behind those who wait, also for what is free",
          "[core][quota]") {
  full_quota f;
  f.q.release({.bytes = 50});
  f.wait('a', 300);
  f.wait('b', 20);
  CHECK(f.left() == 50);
  CHECK(f.served_by_release(250) == "a");
  CHECK(f.served_by_release(20) == "b");
}

TEST_CASE("quota queue: a higher limit serves in order, and is nobody else's meanwhile",
          "[core][quota]") {
  full_quota f;
  f.wait('a', 300);
  f.wait('b', 10);
  f.q.set_max_bytes(1299);
  CHECK(f.served.empty());
  CHECK(f.left() == 0);
  f.q.set_max_bytes(1300);
  CHECK(f.served == "a");
  f.q.set_max_bytes(1400);
  CHECK(f.served == "ab");
  CHECK(f.left() == 90);
}

TEST_CASE("quota queue: what is freed below a lower limit serves nobody", "[core][quota]") {
  full_quota f;
  f.wait('a', 300);
  f.q.set_max_bytes(500);
  CHECK(f.q.left() == 0);
  CHECK(f.left() == 0);
  CHECK(f.served_by_release(799).empty());
  CHECK(f.left() == 0);
  CHECK(f.q.taken() == 201);
  CHECK(f.served_by_release(1) == "a");
  CHECK(f.q.left() == 0);
}

TEST_CASE("quota queue: a reservation can shrink below a lower limit, and not grow",
          "[core][quota]") {
  quota q(1000, std::nullopt);
  auto held = q.reserve({.bytes = 900}).value();
  q.set_max_bytes(500);
  CHECK(error_of(q.adjust(held, {.bytes = 901}, {})) == errc::quota_exceeded);
  CHECK(q.adjust(held, {.bytes = 600}, {}).has_value());
  CHECK(error_of(q.reserve({.bytes = 1})) == errc::quota_exceeded);
  CHECK(q.reserve({.bytes = 10}, {.bytes = 10}).has_value());
  held.commit();
  CHECK(q.read().committed.bytes == 600);
}

TEST_CASE("quota queue: what was free before serves the head too", "[core][quota]") {
  full_quota f;
  f.q.release({.bytes = 50});
  f.wait('a', 300);
  CHECK(f.served_by_release(250) == "a");
  CHECK(f.left() == 0);
}

TEST_CASE("quota queue: what the served leave unused passes on", "[core][quota]") {
  full_quota f;
  hungry& a = f.wait('a', 300);
  f.wait('b', 200);
  CHECK(f.served_by_release(300) == "a");
  f.served.clear();
  a.claim.give_back();
  CHECK(f.served == "b");
  CHECK(f.left() == 100);
}

TEST_CASE("quota queue: one who leaves passes on what was set aside", "[core][quota]") {
  full_quota f;
  hungry& a = f.wait('a', 600);
  f.wait('b', 200);
  CHECK(f.served_by_release(250).empty());
  CHECK(f.leaves(a));
  CHECK(f.served == "b");
  CHECK(f.left() == 50);
  CHECK(!f.leaves(a));
}

TEST_CASE("quota queue: wherever one leaves, the others keep their order", "[core][quota]") {
  for (const char leaver : {'a', 'b', 'c'}) {
    CAPTURE(leaver);
    full_quota f;
    std::string others = "abcd";
    others.erase(others.find(leaver), 1);
    for (const char name : {'a', 'b', 'c'}) {
      hungry& h = f.wait(name, 10);
      if (name == leaver) CHECK(f.leaves(h));
    }
    f.wait('d', 10);
    CHECK(f.served_by_release(30) == others);
    CHECK(f.left() == 0);
  }
  // And when they stand there already.
  for (const int leaver : {0, 1, 2}) {
    full_quota f;
    hungry* const all[] = {&f.wait('a', 10), &f.wait('b', 10), &f.wait('c', 10)};
    std::string others = "abcd";
    others.erase(static_cast<std::size_t>(leaver), 1);
    CHECK(f.leaves(*all[leaver]));
    f.wait('d', 10);
    CHECK(f.served_by_release(30) == others);
  }
}

TEST_CASE("quota queue: when the last one leaves all that is free is everybody's",
          "[core][quota]") {
  full_quota f;
  hungry& a = f.wait('a', 600);
  f.q.release({.bytes = 500});
  CHECK(f.left() == 0);
  CHECK(f.leaves(a));
  CHECK(f.left() == 500);
}

TEST_CASE("quota queue: one who waited before is the head again", "[core][quota]") {
  full_quota f;
  f.wait('b', 100);
  grant had;
  f.wait('a', 300, &had);
  CHECK(f.served_by_release(299).empty());
  CHECK(f.served_by_release(101) == "ab");
}

TEST_CASE("quota queue: what one has who needs more is for nobody behind it", "[core][quota]") {
  full_quota f;
  hungry& a = f.wait('a', 300);
  f.wait('b', 200);
  CHECK(f.served_by_release(300) == "a");
  f.served.clear();
  grant had = a.claim.take();
  hungry& again = f.wait('A', 350, &had);
  CHECK(f.served.empty());
  CHECK(f.left() == 0);
  SECTION("it waits for the rest") {
    CHECK(f.served_by_release(49).empty());
    CHECK(f.served_by_release(1) == "A");
  }
  SECTION("it passes all of it on when it leaves") {
    CHECK(f.leaves(again));
    CHECK(f.served == "b");
    CHECK(f.left() == 100);
  }
}

TEST_CASE("quota queue: one who needs less than it has leaves the rest to everybody",
          "[core][quota]") {
  quota q(1000, std::nullopt);
  std::string log;
  hungry a(q, 'a', 800, log);
  REQUIRE(a.claim.enqueue(a));
  grant had = a.claim.take();
  hungry again(q, 'A', 300, log, &had);
  REQUIRE(again.claim.enqueue(again));
  CHECK(q.reserve({.bytes = 700}).has_value());
  again.claim.give_back();
  CHECK(q.left() == 1000);
}

TEST_CASE("quota queue: one who waits for more keeps the bytes of its attempt, and no nodes",
          "[core][quota]") {
  quota q(1000, 3);
  grant kept = q.reserve({.bytes = 600, .files = 1, .directories = 1}).value().give_up();
  CHECK(kept.bytes() == 600);
  CHECK(q.left() == 400);
  CHECK(q.reserve({.files = 2}).has_value());
  // What it replaces is not its own yet.
  q.reserve({.bytes = 100, .files = 1}).value().commit();
  kept = q.reserve({.bytes = 250, .files = 2}, {.bytes = 100, .files = 1}).value().give_up();
  CHECK(kept.bytes() == 150);
  CHECK(q.left() == 750);
  CHECK(q.require({.files = 1}).has_value());
}

TEST_CASE("quota queue: an operation that needs more than it was granted waits in front",
          "[core][quota]") {
  full_quota f;
  detail::funding funds(&f.q, when_full::wait, lock_timeout::forever());
  std::string log;
  hungry one(f.q, 'a', 0, log), again(f.q, 'A', 0, log);
  auto first = funds.claim_after(error(errc::quota_exceeded, 300, 0), 0);
  CHECK(!first.value().enqueue(one));
  f.wait('b', 200);
  f.q.release({.bytes = 300});
  CHECK(log == "a");
  funds.granted(*first);
  auto second = funds.claim_after(error(errc::quota_exceeded, 350, 300), 0);
  CHECK(!second.value().enqueue(again));
  CHECK(f.served.empty());
  f.q.release({.bytes = 50});
  CHECK(log == "aA");
  CHECK(f.served.empty());
}

TEST_CASE("quota queue: whatever frees bytes serves it", "[core][quota]") {
  full_quota f;
  SECTION("a reservation that is dropped") {
    f.q.release({.bytes = 300});
    auto held = f.q.reserve({.bytes = 300});
    f.wait('a', 300);
    held = errc::canceled;
  }
  SECTION("a replacement by less") {
    auto smaller = f.q.reserve({.bytes = 100}, {.bytes = 400});
    f.wait('a', 300);
    smaller.value().commit();
  }
  SECTION("a reservation that is made smaller") {
    f.q.release({.bytes = 300});
    auto held = f.q.reserve({.bytes = 300});
    f.wait('a', 200);
    CHECK(f.q.adjust(held.value(), {.bytes = 100}, {}).has_value());
    // Now, and not only when the rest of it is dropped.
    CHECK(f.served == "a");
  }
  CHECK(f.served == "a");
}

TEST_CASE("quota queue: a grant pays first, and the free bytes pay the rest", "[core][quota]") {
  full_quota f;
  hungry& a = f.wait('a', 300);
  f.wait('b', 500);
  CHECK(f.served_by_release(300) == "a");
  grant given = a.claim.take();
  CHECK(error_of(f.q.reserve({.bytes = 301}, {}, &given)) == errc::quota_exceeded);
  CHECK(error_of(f.q.require({.bytes = 301}, {}, &given)) == errc::quota_exceeded);
  CHECK(f.q.require({.bytes = 300}, {}, &given).has_value());
  CHECK(given.bytes() == 300);
  f.q.reserve({.bytes = 200}, {}, &given).value().commit();
  CHECK(given.bytes() == 100);
  CHECK(f.used() == 900);
}

TEST_CASE("quota queue: a blocked thread waits for room, and its deadline ends that",
          "[core][quota]") {
  full_quota f;
  space_claim too_much(f.q, 500);
  std::atomic<std::uint64_t> waiting{0};
  const auto soon = std::chrono::steady_clock::now() + std::chrono::milliseconds(1);
  CHECK(!block_on(too_much, soon, &waiting));
  CHECK(waiting == 0);
  space_claim wanted(f.q, 500);
  auto had = std::async(std::launch::async, [&] { return block_on(wanted, {}, &waiting); });
  while (waiting == 0) std::this_thread::yield();
  f.q.release({.bytes = 500});
  CHECK(had.get());
  use_up(f.q, wanted.take());
  CHECK(f.used() == 1000);
}

}  // namespace coramfs::tests
