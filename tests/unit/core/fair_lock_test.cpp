// SPDX-License-Identifier: BSL-1.0
// The queue of the lock, step by step: whose turn it is, and what each step does to the others.
#include <coramfs/detail/fair_lock.hpp>

#include "support/catch.hpp"

#include <array>
#include <chrono>
#include <future>
#include <memory>
#include <string>

namespace coramfs::tests {

namespace {

using detail::admission;
using detail::deadline;
using detail::fair_lock;
using detail::lock_hold;
using detail::waiter;
using kind = fair_lock::kind;
constexpr auto shared = kind::shared, exclusive = kind::exclusive, moving = kind::moving;

/// Writes its name down when it is granted.
class named_waiter final : public waiter {
 public:
  named_waiter(char name, std::string& log) : name_(name), log_(log) {}

 private:
  void granted() noexcept override { log_ += name_; }

  char name_;
  std::string& log_;
};

/// A lock, a queue of waiters named 'a', 'b', ..., and the order in which they were granted.
class queue {
 public:
  fair_lock lock;
  std::string log;

  /// Readers are small letters, writers capital ones, movers digits.
  named_waiter& enqueue(char name) {
    waiters_.push_back(std::make_unique<named_waiter>(name, log));
    CHECK(!lock.enqueue(*waiters_.back(), kind_of(name)));
    return *waiters_.back();
  }
  void enqueue_all(const std::string& names) {
    for (const char name : names) enqueue(name);
  }
  /// What is granted by an action.
  template <class Action>
  std::string granted_by(Action action) {
    log.clear();
    action();
    return log;
  }
  std::string granted_by_unlock(kind k) {
    return granted_by([&] { lock.unlock(k); });
  }
  static kind kind_of(char name) {
    if (name <= '9') return moving;
    return name >= 'a' ? shared : exclusive;
  }

 private:
  std::vector<std::unique_ptr<named_waiter>> waiters_;
};

}  // namespace

TEST_CASE("fair_lock: readers share, a writer is alone", "[core][fair_lock]") {
  fair_lock lock;
  CHECK(lock.is_idle());
  CHECK(lock.try_lock(shared));
  CHECK(lock.try_lock(shared));
  CHECK(!lock.try_lock(exclusive));
  CHECK(!lock.is_idle());
  lock.unlock(shared);
  CHECK(!lock.try_lock(exclusive));
  lock.unlock(shared);
  CHECK(lock.is_idle());
  CHECK(lock.try_lock(exclusive));
  CHECK(!lock.try_lock(exclusive));
  CHECK(!lock.try_lock(shared));
  lock.unlock(exclusive);
  CHECK(lock.is_idle());
}

TEST_CASE("fair_lock: who finds it free has it at once and is not told", "[core][fair_lock]") {
  const kind k = GENERATE(kind::shared, kind::exclusive);
  fair_lock lock;
  std::string log;
  named_waiter w('w', log);
  CHECK(lock.enqueue(w, k));
  CHECK(log.empty());
  CHECK(!lock.try_lock(exclusive));
  CHECK(lock.try_lock(shared) == (k == kind::shared));
  if (k == kind::shared) lock.unlock(shared);
  CHECK(!lock.remove(w));
  lock.unlock(k);
  CHECK(lock.is_idle());
}

TEST_CASE("fair_lock: a release admits the head, one writer or all readers up to the next",
          "[core][fair_lock]") {
  queue q;
  REQUIRE(q.lock.try_lock(exclusive));
  q.enqueue_all("abCdEFghi");
  CHECK(q.granted_by_unlock(exclusive) == "ab");
  CHECK(q.granted_by_unlock(shared).empty());
  CHECK(q.granted_by_unlock(shared) == "C");
  CHECK(q.granted_by_unlock(exclusive) == "d");
  CHECK(q.granted_by_unlock(shared) == "E");
  CHECK(q.granted_by_unlock(exclusive) == "F");
  CHECK(q.granted_by_unlock(exclusive) == "ghi");
  for (int i = 0; i < 3; ++i) CHECK(q.granted_by_unlock(shared).empty());
  CHECK(q.lock.is_idle());
}

TEST_CASE("fair_lock: nobody gets past a waiter", "[core][fair_lock]") {
  queue q;
  REQUIRE(q.lock.try_lock(shared));
  q.enqueue('A');
  CHECK(!q.lock.try_lock(shared));
  CHECK(!q.lock.try_lock(exclusive));
  q.enqueue('b');
  CHECK(q.granted_by_unlock(shared) == "A");
  CHECK(!q.lock.try_lock(shared));
  CHECK(q.granted_by_unlock(exclusive) == "b");
  CHECK(q.lock.try_lock(shared));
  q.lock.unlock(shared);
  q.lock.unlock(shared);
  CHECK(q.lock.is_idle());
}

TEST_CASE("fair_lock: movers share it with each other alone", "[core][fair_lock]") {
  fair_lock lock;
  CHECK(lock.try_lock(moving));
  CHECK(lock.try_lock(moving));
  CHECK(!lock.try_lock(shared));
  CHECK(!lock.try_lock(exclusive));
  lock.unlock(moving);
  CHECK(!lock.try_lock(shared));
  lock.unlock(moving);
  CHECK(lock.is_idle());
  const kind other = GENERATE(kind::shared, kind::exclusive);
  CHECK(lock.try_lock(other));
  CHECK(!lock.try_lock(moving));
  lock.unlock(other);
  CHECK(lock.is_idle());
}

TEST_CASE("fair_lock: movers have their turn, and all who stand together have it at once",
          "[core][fair_lock]") {
  queue q;
  REQUIRE(q.lock.try_lock(shared));
  q.enqueue_all("12aB3C45d");
  CHECK(!q.lock.try_lock(moving));
  CHECK(q.granted_by_unlock(shared) == "12");
  CHECK(!q.lock.try_lock(moving));
  CHECK(q.granted_by_unlock(moving).empty());
  CHECK(q.granted_by_unlock(moving) == "a");
  CHECK(q.granted_by_unlock(shared) == "B");
  CHECK(q.granted_by_unlock(exclusive) == "3");
  CHECK(q.granted_by_unlock(moving) == "C");
  CHECK(q.granted_by_unlock(exclusive) == "45");
  CHECK(q.granted_by_unlock(moving).empty());
  CHECK(q.granted_by_unlock(moving) == "d");
  CHECK(q.granted_by_unlock(shared).empty());
  CHECK(q.lock.is_idle());
}

TEST_CASE(
    "fair_lock: when the waiting reader leaves, the mover behind it goes in beside the others",
    "[core][fair_lock]") {
  queue q;
  REQUIRE(q.lock.try_lock(moving));
  auto& reader = q.enqueue('a');
  q.enqueue_all("1B");
  CHECK(q.granted_by([&] { q.lock.remove(reader); }) == "1");
  CHECK(q.granted_by_unlock(moving).empty());
  CHECK(q.granted_by_unlock(moving) == "B");
  CHECK(q.granted_by_unlock(exclusive).empty());
  CHECK(q.lock.is_idle());
}

TEST_CASE("fair_lock: when the waiting writer leaves, the readers behind it go in",
          "[core][fair_lock]") {
  queue q;
  REQUIRE(q.lock.try_lock(shared));
  auto& writer = q.enqueue('A');
  q.enqueue_all("bcDe");
  CHECK(q.granted_by([&] { CHECK(q.lock.remove(writer)); }) == "bc");
  CHECK(q.granted_by_unlock(shared).empty());
  CHECK(q.granted_by_unlock(shared).empty());
  CHECK(q.granted_by_unlock(shared) == "D");
  CHECK(q.granted_by_unlock(exclusive) == "e");
  q.lock.unlock(shared);
  CHECK(q.lock.is_idle());
}

TEST_CASE("fair_lock: a writer that leaves while a writer holds lets nobody in",
          "[core][fair_lock]") {
  queue q;
  REQUIRE(q.lock.try_lock(exclusive));
  auto& writer = q.enqueue('A');
  q.enqueue('b');
  CHECK(q.granted_by([&] { CHECK(q.lock.remove(writer)); }).empty());
  CHECK(q.granted_by_unlock(exclusive) == "b");
  q.lock.unlock(shared);
}

TEST_CASE("fair_lock: any place of the queue can be given up", "[core][fair_lock]") {
  const std::string names = "ABCD";
  for (std::size_t leaving = 0; leaving < names.size(); ++leaving) {
    queue q;
    REQUIRE(q.lock.try_lock(exclusive));
    std::vector<named_waiter*> waiters;
    for (const char name : names) waiters.push_back(&q.enqueue(name));
    CHECK(q.lock.remove(*waiters[leaving]));
    CHECK(!q.lock.remove(*waiters[leaving]));
    std::string order;
    for (std::size_t i = 0; i < names.size(); ++i) order += q.granted_by_unlock(exclusive);
    std::string expected = names;
    expected.erase(leaving, 1);
    CHECK(order == expected);
    CHECK(q.lock.is_idle());
  }
}

TEST_CASE("fair_lock: when the last waiter leaves, the lock is as before", "[core][fair_lock]") {
  queue q;
  REQUIRE(q.lock.try_lock(shared));
  auto& first = q.enqueue('A');
  auto& second = q.enqueue('B');
  CHECK(q.lock.remove(second));
  CHECK(!q.lock.try_lock(shared));
  CHECK(q.lock.remove(first));
  CHECK(q.lock.try_lock(shared));
  q.lock.unlock(shared);
  q.lock.unlock(shared);
  CHECK(q.lock.is_idle());
  CHECK(q.log.empty());
}

TEST_CASE("fair_lock: who was granted can not be removed any more", "[core][fair_lock]") {
  queue q;
  REQUIRE(q.lock.try_lock(exclusive));
  auto& w = q.enqueue('A');
  CHECK(q.granted_by_unlock(exclusive) == "A");
  CHECK(!q.lock.remove(w));
  CHECK(!q.lock.try_lock(shared));
  q.lock.unlock(exclusive);
  CHECK(q.lock.is_idle());
}

TEST_CASE("fair_lock: a removal can tell the others later", "[core][fair_lock]") {
  queue q;
  REQUIRE(q.lock.try_lock(shared));
  auto& writer = q.enqueue('A');
  q.enqueue_all("bc");
  {
    admission others;
    CHECK(q.lock.remove(writer, others));
    CHECK(q.log.empty());
    // They have the lock already, only they do not know it.
    q.lock.unlock(shared);
    CHECK(!q.lock.try_lock(exclusive));
  }
  CHECK(q.log == "bc");
  q.lock.unlock(shared);
  q.lock.unlock(shared);
  CHECK(q.lock.is_idle());
}

TEST_CASE("fair_lock: a waiter may be gone when it has been told, and may use the lock",
          "[core][fair_lock]") {
  class passing final : public waiter {
   public:
    passing(fair_lock& lock, int& told) : lock_(lock), told_(told) {}

   private:
    void granted() noexcept override {
      ++told_;
      fair_lock& lock = lock_;
      delete this;
      lock.unlock(kind::exclusive);
    }
    fair_lock& lock_;
    int& told_;
  };
  fair_lock lock;
  int told = 0;
  REQUIRE(lock.try_lock(exclusive));
  for (int i = 0; i < 10; ++i) CHECK(!lock.enqueue(*new passing(lock, told), exclusive));
  lock.unlock(exclusive);
  CHECK(told == 10);
  CHECK(lock.is_idle());
}

TEST_CASE("fair_lock: one that is retired is had by all, and nobody waits", "[core][fair_lock]") {
  queue q;
  const auto held = GENERATE(shared, exclusive);
  CHECK(q.lock.try_lock(held));
  q.enqueue_all("AbcD");
  if (held == shared && q.lock.waiters() == 0) FAIL("a writer stands in front");
  CHECK(q.granted_by([&] { q.lock.retire(); }) == "AbcD");
  CHECK(q.lock.waiters() == 0);
  CHECK(!q.lock.try_lock(shared));
  CHECK(!q.lock.try_lock(exclusive));
  named_waiter late('e', q.log);
  CHECK(q.granted_by([&] { CHECK(q.lock.enqueue(late, exclusive)); }).empty());
  CHECK(!q.lock.remove(late));
  // To let go of it does nothing, in whatever order.
  for (const kind k : {exclusive, shared, held, exclusive, shared, exclusive})
    CHECK(q.granted_by_unlock(k).empty());
  q.lock.restore();
  CHECK(q.lock.is_idle());
  CHECK(q.lock.try_lock(exclusive));
  CHECK(!q.lock.try_lock(shared));
  q.lock.unlock(exclusive);
  CHECK(q.lock.is_idle());
}

TEST_CASE("fair_lock: a thread that finds it free does not wait", "[core][fair_lock]") {
  fair_lock lock;
  CHECK(lock.lock(shared));
  CHECK(lock.lock(shared, std::chrono::steady_clock::time_point()));
  CHECK(!lock.lock(exclusive, std::chrono::steady_clock::time_point()));
  lock.unlock(shared);
  lock.unlock(shared);
  CHECK(lock.lock(exclusive));
  lock.unlock(exclusive);
}

TEST_CASE("fair_lock: a thread's wait ends with its deadline, never before it",
          "[core][fair_lock]") {
  using clock = std::chrono::steady_clock;
  fair_lock lock;
  REQUIRE(lock.try_lock(exclusive));
  for (const kind k : {shared, exclusive}) {
    for (const auto length : {std::chrono::microseconds(1), std::chrono::microseconds(3000)}) {
      const auto deadline = clock::now() + length;
      CHECK(!lock.lock(k, deadline));
      CHECK(clock::now() >= deadline);
    }
  }
  lock.unlock(exclusive);
  CHECK(lock.is_idle());
}

TEST_CASE("fair_lock: a thread stands in the same queue as any other waiter", "[core][fair_lock]") {
  queue q;
  REQUIRE(q.lock.try_lock(shared));
  auto thread = std::async(std::launch::async, [&] {
    const bool had = q.lock.lock(exclusive);
    const std::string before = q.log;
    q.lock.unlock(exclusive);
    return had && before.empty();
  });
  // From the moment on when the thread queues, no reader gets in.
  while (q.lock.try_lock(shared)) q.lock.unlock(shared);
  q.enqueue_all("ab");
  q.lock.unlock(shared);
  CHECK(thread.get());
  CHECK(q.log == "ab");
  q.lock.unlock(shared);
  q.lock.unlock(shared);
  CHECK(q.lock.is_idle());
}

TEST_CASE("lock_hold: it releases what it holds, once", "[core][fair_lock]") {
  fair_lock one, two;
  REQUIRE(one.try_lock(exclusive));
  REQUIRE(two.try_lock(shared));
  {
    lock_hold a(one, exclusive), b(two, shared);
    CHECK(a);
    lock_hold moved = std::move(a);
    CHECK(!a);
    CHECK(!one.is_idle());
    moved = std::move(b);
    CHECK(one.is_idle());
    CHECK(!two.is_idle());
    moved.release();
    CHECK(two.is_idle());
    CHECK(!moved);
    moved.release();
    lock_hold none;
    CHECK(!none);
  }
  CHECK(one.is_idle());
  CHECK(two.is_idle());
}

}  // namespace coramfs::tests
