// SPDX-License-Identifier: BSL-1.0
// The transitions of the quota's queue against each other, two at a time: whichever comes first,
// exactly one of grant, timeout and withdrawal ends a wait, and no byte is lost.
#include "core/quota.hpp"

#include "support/catch.hpp"
#include "unit/core/use_up.hpp"

#include <atomic>
#include <barrier>
#include <chrono>
#include <optional>
#include <random>
#include <thread>
#include <vector>

namespace coramfs::tests {

namespace {

using detail::admission;
using detail::grant;
using detail::quota;
using detail::reservation;
using detail::space_claim;

constexpr int rounds = 5'000;
constexpr std::uint64_t limit = 1000;

class counting_waiter final : public detail::waiter {
 public:
  int grants() const { return grants_.load(); }

 private:
  void granted() noexcept override { ++grants_; }
  std::atomic<int> grants_ = 0;
};

void spin(int n) {
  for (std::atomic<int> i = 0; i < n; ++i) {
  }
}

/// One who wants bytes, and may be granted them.
class guest {
 public:
  guest(quota& q, std::uint64_t bytes, grant* had = nullptr) : claim_(q, bytes, had) {}

  /// True: it has them at once.
  bool come() { return had_at_once_ = claim_.enqueue(waiter_); }
  /// True: it leaves without.
  bool leave() {
    admission others;
    return claim_.withdraw(waiter_, others);
  }
  bool has() const { return had_at_once_ || waiter_.grants() == 1; }
  bool was_told_once_at_most() const { return waiter_.grants() + had_at_once_ <= 1; }
  void give_back() { claim_.give_back(); }
  grant take() { return claim_.take(); }

 private:
  space_claim claim_;
  counting_waiter waiter_;
  bool had_at_once_ = false;
};

/// One encounter of two threads over a quota of which all is used. Each round has one of its own.
class encounter {
 public:
  quota q{limit, std::nullopt};
  grant had;
  guest first{q, 600}, behind{q, 300}, hungrier{q, 700, &had};

  encounter() { q.reserve({.bytes = limit}).value().commit(); }

  /// All that is neither used nor granted can be had, and no more.
  bool has_free(std::uint64_t bytes) {
    return q.require({.bytes = bytes}).has_value() && !q.require({.bytes = bytes + 1});
  }
  /// When everybody has gone and all is given back.
  bool ends_empty() {
    q.release({.bytes = q.read().committed.bytes});
    return has_free(limit);
  }
};

/// Runs `one` and `other` at the same time, each now a bit earlier, now a bit later; `ended`
/// tells if the round ended as it has to.
template <class Prepare, class One, class Other, class Ended>
void race(Prepare prepare, One one, Other other, Ended ended) {
  std::barrier together(2);
  std::optional<encounter> now;
  int wrong = 0;
  std::thread second([&] {
    for (int i = 0; i < rounds; ++i) {
      together.arrive_and_wait();
      spin(i / 40 % 40);
      other(*now);
      together.arrive_and_wait();
    }
  });
  for (int i = 0; i < rounds; ++i) {
    now.emplace();
    prepare(*now);
    together.arrive_and_wait();
    spin(i % 40);
    one(*now);
    together.arrive_and_wait();
    wrong += !ended(*now) || !now->first.was_told_once_at_most() ||
             !now->behind.was_told_once_at_most() || !now->ends_empty();
  }
  second.join();
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("quota race: a release that grants the head and its withdrawal, with another behind",
          "[core][quota][race]") {
  bool left = false;
  race(
      [](encounter& e) {
        e.first.come();
        e.behind.come();
      },
      [](encounter& e) { e.q.release({.bytes = 600}); },
      [&](encounter& e) { left = e.first.leave(); },
      [&](encounter& e) {
        if (left == e.first.has()) return false;
        if (!left) e.first.give_back();
        // Either way the 600 bytes pass on, and 300 are left.
        if (!e.behind.has() || !e.has_free(300)) return false;
        e.behind.give_back();
        return e.has_free(600);
      });
}

TEST_CASE("quota race: a release that is too little for the head and its withdrawal",
          "[core][quota][race]") {
  bool left = false;
  race(
      [](encounter& e) {
        e.first.come();
        e.behind.come();
      },
      [](encounter& e) { e.q.release({.bytes = 400}); },
      [&](encounter& e) { left = e.first.leave(); },
      [&](encounter& e) {
        if (!left || e.first.has() || !e.behind.has() || !e.has_free(100)) return false;
        e.behind.give_back();
        return e.has_free(400);
      });
}

TEST_CASE("quota race: a release and one who comes", "[core][quota][race]") {
  race([](encounter&) {}, [](encounter& e) { e.q.release({.bytes = 600}); },
       [](encounter& e) { e.first.come(); },
       [](encounter& e) {
         if (!e.first.has() || !e.has_free(0)) return false;
         e.first.give_back();
         return e.has_free(600);
       });
}

TEST_CASE("quota race: two releases that grant the head only together", "[core][quota][race]") {
  race(
      [](encounter& e) {
        e.first.come();
        e.behind.come();
      },
      [](encounter& e) { e.q.release({.bytes = 500}); },
      [](encounter& e) { e.q.release({.bytes = 400}); },
      [](encounter& e) {
        if (!e.first.has() || !e.behind.has() || !e.has_free(0)) return false;
        e.first.give_back();
        e.behind.give_back();
        return e.has_free(900);
      });
}

TEST_CASE("quota race: the withdrawal of the head and that of the one behind it",
          "[core][quota][race]") {
  bool head_left = false, other_left = false;
  race(
      [](encounter& e) {
        e.first.come();
        e.behind.come();
        e.q.release({.bytes = 400});
      },
      [&](encounter& e) { head_left = e.first.leave(); },
      [&](encounter& e) { other_left = e.behind.leave(); },
      [&](encounter& e) {
        if (!head_left || e.first.has() || other_left == e.behind.has()) return false;
        if (!other_left) e.behind.give_back();
        return e.has_free(400);
      });
}

TEST_CASE("quota race: one who comes back to the front and a release", "[core][quota][race]") {
  race([](encounter& e) { e.behind.come(); }, [](encounter& e) { e.q.release({.bytes = 700}); },
       [](encounter& e) { e.hungrier.come(); },
       [](encounter& e) {
         // One of the two is served, and the other waits for what that one gives back.
         if (e.hungrier.has() == e.behind.has()) return false;
         if (e.hungrier.has()) {
           e.hungrier.give_back();
           if (!e.behind.has() || !e.has_free(400)) return false;
           e.behind.give_back();
         } else {
           // What was left before it came is anybody's.
           if (!e.has_free(400)) return false;
           e.behind.give_back();
           if (!e.hungrier.has()) return false;
           e.hungrier.give_back();
         }
         return e.has_free(700);
       });
}

TEST_CASE("quota race: a reservation that is made smaller and one who comes",
          "[core][quota][race]") {
  std::optional<reservation> held;
  race(
      [&](encounter& e) {
        e.q.release({.bytes = 700});
        held = e.q.reserve({.bytes = 700}).value();
      },
      [&](encounter& e) { e.q.adjust(*held, {.bytes = 100}, {}).value(); },
      [](encounter& e) { e.first.come(); },
      [&](encounter& e) {
        if (!e.first.has() || !e.has_free(0)) return false;
        e.first.give_back();
        held.reset();
        return e.has_free(700);
      });
}

TEST_CASE("quota race: a reservation that is dropped and the withdrawal of who waits",
          "[core][quota][race]") {
  std::optional<reservation> held;
  bool left = false;
  race(
      [&](encounter& e) {
        e.q.release({.bytes = 600});
        held = e.q.reserve({.bytes = 600}).value();
        e.first.come();
      },
      [&](encounter&) { held.reset(); }, [&](encounter& e) { left = e.first.leave(); },
      [&](encounter& e) {
        if (left == e.first.has()) return false;
        if (!left) e.first.give_back();
        return e.has_free(600);
      });
}

TEST_CASE("quota race: a commit that frees and one that takes what was free before",
          "[core][quota][race]") {
  std::optional<reservation> smaller;
  bool taken = false;
  race(
      [&](encounter& e) {
        e.q.release({.bytes = 100});
        smaller = e.q.reserve({.bytes = 100}, {.bytes = 600}).value();
        e.first.come();
      },
      [&](encounter&) { smaller->commit(); },
      [&](encounter& e) {
        if (auto r = e.q.reserve({.bytes = 100})) {
          taken = true;
          r.value().commit();
        } else {
          taken = false;
        }
      },
      [&](encounter& e) {
        // Together there were 600, of which the other took 100 or found none.
        if (taken == e.first.has()) return false;
        if (taken) {
          if (!e.first.leave() || !e.has_free(500)) return false;
        } else {
          e.first.give_back();
        }
        return e.has_free(taken ? 500 : 600);
      });
}

TEST_CASE("quota race: a grant that is used up and the arrival of another", "[core][quota][race]") {
  race(
      [](encounter& e) {
        e.first.come();
        e.q.release({.bytes = 600});
      },
      [](encounter& e) {
        grant given = e.first.take();
        e.q.reserve({.bytes = 200}, {}, &given).value().commit();
      },
      [](encounter& e) { e.behind.come(); },
      [](encounter& e) {
        if (!e.behind.has() || !e.has_free(100)) return false;
        e.behind.give_back();
        return e.has_free(400);
      });
}

TEST_CASE("quota race: a release and a deadline", "[core][quota][race]") {
  std::mt19937 random(1);
  bool had = false, early = false;
  race([](encounter&) {},
       [](encounter& e) {
         spin(500);
         e.q.release({.bytes = 600});
       },
       [&](encounter& e) {
         space_claim wanted(e.q, 600);
         const auto until =
             std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 20);
         had = block_on(wanted, until);
         early = early || (!had && std::chrono::steady_clock::now() < until);
         if (had) use_up(e.q, wanted.take());
       },
       [&](encounter& e) { return e.has_free(had ? 0 : 600); });
  CHECK(!early);
}

TEST_CASE("quota race: many threads take and give back, in time or not", "[core][quota][race]") {
  quota q(limit, std::nullopt);
  std::atomic<bool> too_much = false;
  std::atomic<std::uint64_t> taken = 0, waiting = 0;
  std::vector<std::jthread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, random = std::mt19937(seed)]() mutable {
      for (int i = 0; i < 10'000; ++i) {
        const std::uint64_t bytes = 1 + random() % limit;
        detail::deadline until;
        if (random() % 2 == 0)
          until = std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 30);
        grant had;
        space_claim wanted(q, bytes, random() % 4 == 0 ? &had : nullptr);
        if (!block_on(wanted, until, &waiting)) continue;
        use_up(q, wanted.take());
        too_much = too_much || (taken += bytes) > limit;
        taken -= bytes;
        q.release({.bytes = bytes});
      }
    });
  }
  threads.clear();
  CHECK(!too_much);
  CHECK(waiting == 0);
  CHECK(q.read().committed.bytes == 0);
  CHECK(q.require({.bytes = limit}).has_value());
}

TEST_CASE("quota race: many threads take and give back while the limit changes",
          "[core][quota][race]") {
  quota q(limit, std::nullopt);
  std::atomic<bool> too_much = false;
  std::atomic<std::uint64_t> taken = 0, waiting = 0;
  std::vector<std::jthread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, random = std::mt19937(seed)]() mutable {
      for (int i = 0; i < 10'000; ++i) {
        const std::uint64_t bytes = 1 + random() % limit;
        detail::deadline until;
        if (random() % 2 == 0)
          until = std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 30);
        grant had;
        space_claim wanted(q, bytes, random() % 4 == 0 ? &had : nullptr);
        if (!block_on(wanted, until, &waiting)) continue;
        use_up(q, wanted.take());
        too_much = too_much || (taken += bytes) > limit;
        taken -= bytes;
        q.release({.bytes = bytes});
      }
    });
  }
  threads.emplace_back([&, random = std::mt19937(4)]() mutable {
    for (int i = 0; i < 10'000; ++i) {
      q.set_max_bytes(random() % limit);
      spin(static_cast<int>(random() % 50));
      // Who waits for more than a lower limit has goes on waiting.
      q.set_max_bytes(limit);
    }
  });
  threads.clear();
  CHECK(!too_much);
  CHECK(waiting == 0);
  CHECK(q.read().committed.bytes == 0);
  CHECK(q.require({.bytes = limit}).has_value());
}

}  // namespace coramfs::tests
