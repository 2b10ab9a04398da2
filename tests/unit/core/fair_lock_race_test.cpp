// SPDX-License-Identifier: BSL-1.0
// The transitions of the lock against each other, two at a time: whichever comes first, exactly
// one of grant, timeout and removal ends a wait, and no turn is lost.
#include <coramfs/detail/fair_lock.hpp>

#include "support/catch.hpp"

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
using detail::deadline;
using detail::fair_lock;
using detail::waiter;
using kind = fair_lock::kind;
constexpr auto shared = kind::shared, exclusive = kind::exclusive;
constexpr int rounds = 5'000;

class counting_waiter final : public waiter {
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

/// One encounter of two threads. Each round has one of its own.
class encounter {
 public:
  fair_lock lock;
  counting_waiter first, behind;

  bool has(const counting_waiter& w) const { return w.grants() == 1; }
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
    wrong += !ended(*now) || !now->lock.is_idle();
  }
  second.join();
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("fair_lock race: a release and a removal, with another one behind",
          "[core][fair_lock][race]") {
  const kind waiting = GENERATE(kind::shared, kind::exclusive);
  bool removed = false;
  race(
      [&](encounter& e) {
        e.lock.try_lock(exclusive);
        e.lock.enqueue(e.first, waiting);
        e.lock.enqueue(e.behind, exclusive);
      },
      [](encounter& e) { e.lock.unlock(exclusive); },
      [&](encounter& e) { removed = e.lock.remove(e.first); },
      [&](encounter& e) {
        if (removed == e.has(e.first)) return false;
        if (!removed) e.lock.unlock(waiting);
        if (!e.has(e.behind)) return false;
        e.lock.unlock(exclusive);
        return true;
      });
}

TEST_CASE("fair_lock race: the last reader's release and the removal of the writer",
          "[core][fair_lock][race]") {
  bool removed = false;
  race(
      [&](encounter& e) {
        e.lock.try_lock(shared);
        e.lock.enqueue(e.first, exclusive);
        e.lock.enqueue(e.behind, shared);
      },
      [](encounter& e) { e.lock.unlock(shared); },
      [&](encounter& e) { removed = e.lock.remove(e.first); },
      [&](encounter& e) {
        if (removed == e.has(e.first)) return false;
        if (!removed) e.lock.unlock(exclusive);
        if (!e.has(e.behind)) return false;
        e.lock.unlock(shared);
        return true;
      });
}

TEST_CASE("fair_lock race: a release and a wait that begins", "[core][fair_lock][race]") {
  const kind held = GENERATE(kind::shared, kind::exclusive);
  const kind wanted = GENERATE(kind::shared, kind::exclusive);
  bool at_once = false;
  race([&](encounter& e) { e.lock.try_lock(held); }, [&](encounter& e) { e.lock.unlock(held); },
       [&](encounter& e) { at_once = e.lock.enqueue(e.first, wanted); },
       [&](encounter& e) {
         if (at_once == e.has(e.first)) return false;
         e.lock.unlock(wanted);
         return true;
       });
}

TEST_CASE("fair_lock race: it is retired while a wait begins, and while it is let go of",
          "[core][fair_lock][race]") {
  const kind held = GENERATE(kind::shared, kind::exclusive);
  const bool waits = GENERATE(false, true);
  bool at_once = false;
  race([&](encounter& e) { e.lock.try_lock(held); }, [&](encounter& e) { e.lock.retire(); },
       [&](encounter& e) {
         if (waits) {
           at_once = e.lock.enqueue(e.first, kind::exclusive);
         } else {
           e.lock.unlock(held);
         }
       },
       [&](encounter& e) {
         if (waits && at_once == e.has(e.first)) return false;
         const bool is_had = e.lock.try_lock(kind::shared);
         e.lock.restore();
         return !is_had;
       });
}

TEST_CASE("fair_lock race: two readers' releases under a waiting writer",
          "[core][fair_lock][race]") {
  race(
      [](encounter& e) {
        e.lock.try_lock(shared);
        e.lock.try_lock(shared);
        e.lock.enqueue(e.first, exclusive);
      },
      [](encounter& e) { e.lock.unlock(shared); }, [](encounter& e) { e.lock.unlock(shared); },
      [](encounter& e) {
        if (!e.has(e.first)) return false;
        e.lock.unlock(exclusive);
        return true;
      });
}

TEST_CASE("fair_lock race: two waits that begin on a free lock", "[core][fair_lock][race]") {
  bool first = false, second = false;
  race([](encounter&) {}, [&](encounter& e) { first = e.lock.enqueue(e.first, exclusive); },
       [&](encounter& e) { second = e.lock.enqueue(e.behind, exclusive); },
       [&](encounter& e) {
         if (first == second) return false;
         e.lock.unlock(exclusive);
         if (!e.has(first ? e.behind : e.first) || e.has(first ? e.first : e.behind)) return false;
         e.lock.unlock(exclusive);
         return true;
       });
}

TEST_CASE("fair_lock race: a try and a wait that begins", "[core][fair_lock][race]") {
  const kind wanted = GENERATE(kind::shared, kind::exclusive);
  bool tried = false, at_once = false;
  race([](encounter&) {}, [&](encounter& e) { tried = e.lock.try_lock(wanted); },
       [&](encounter& e) { at_once = e.lock.enqueue(e.first, exclusive); },
       [&](encounter& e) {
         if (tried == at_once) return false;
         if (tried) e.lock.unlock(wanted);
         if (tried != e.has(e.first)) return false;
         e.lock.unlock(exclusive);
         return true;
       });
}

TEST_CASE("fair_lock race: a release and a deadline", "[core][fair_lock][race]") {
  const kind waiting = GENERATE(kind::shared, kind::exclusive);
  std::mt19937 random(1);
  bool had = false, early = false;
  race([](encounter& e) { e.lock.try_lock(exclusive); },
       [](encounter& e) {
         spin(500);
         e.lock.unlock(exclusive);
       },
       [&](encounter& e) {
         const auto until =
             std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 20);
         had = e.lock.lock(waiting, until);
         early = early || (!had && std::chrono::steady_clock::now() < until);
       },
       [&](encounter& e) {
         if (had) e.lock.unlock(waiting);
         return true;
       });
  CHECK(!early);
}

TEST_CASE("fair_lock race: a writer's deadline and a reader that queues behind it",
          "[core][fair_lock][race]") {
  std::mt19937 random(2);
  bool had = false, at_once = false;
  race([](encounter& e) { e.lock.try_lock(shared); },
       [&](encounter& e) {
         had = e.lock.lock(exclusive, std::chrono::steady_clock::now() +
                                          std::chrono::microseconds(random() % 20));
       },
       [&](encounter& e) {
         spin(300);
         at_once = e.lock.enqueue(e.first, shared);
       },
       [&](encounter& e) {
         if (had || at_once == e.has(e.first)) return false;
         e.lock.unlock(shared);
         e.lock.unlock(shared);
         return true;
       });
}

TEST_CASE("fair_lock race: many threads keep writers alone and readers undisturbed",
          "[core][fair_lock][race]") {
  fair_lock lock;
  long first = 0, second = 0;
  std::atomic<long> writes = 0;
  std::atomic<bool> torn = false;
  std::vector<std::jthread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, random = std::mt19937(seed)]() mutable {
      for (int i = 0; i < 20'000; ++i) {
        const kind k = random() % 3 == 0 ? exclusive : shared;
        deadline until;
        if (random() % 2 == 0)
          until = std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 30);
        if (random() % 8 == 0 ? !lock.try_lock(k) : !lock.lock(k, until)) continue;
        if (k == exclusive) {
          ++first;
          ++writes;
          ++second;
        } else if (first != second) {
          torn = true;
        }
        lock.unlock(k);
      }
    });
  }
  threads.clear();
  CHECK(lock.is_idle());
  CHECK(!torn);
  CHECK(first == writes);
}

}  // namespace coramfs::tests
