// SPDX-License-Identifier: BSL-1.0
#include "core/brief_lock.hpp"

#include "support/await_waiting.hpp"
#include "support/catch.hpp"

#include <atomic>
#include <barrier>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

namespace coramfs::tests {

namespace {

using detail::brief_lock;

void spin(int n) {
  for (std::atomic<int> i = 0; i < n; ++i) {
  }
}

}  // namespace

TEST_CASE("brief_lock: readers are in together, a writer is alone", "[core][brief_lock]") {
  brief_lock lock;
  REQUIRE(lock.try_lock_shared());
  CHECK(lock.try_lock_shared());
  CHECK_FALSE(lock.try_lock());
  lock.unlock_shared();
  CHECK_FALSE(lock.try_lock());
  lock.unlock_shared();
  REQUIRE(lock.try_lock());
  CHECK_FALSE(lock.try_lock());
  CHECK_FALSE(lock.try_lock_shared());
  lock.unlock();
  CHECK(lock.try_lock_shared());
  lock.unlock_shared();
}

TEST_CASE("brief_lock: what one writer has done is seen whole by the next and by readers",
          "[core][brief_lock][race]") {
  constexpr int threads = 4, rounds = 20'000;
  brief_lock lock;
  std::uint64_t one = 0, other = 0;
  std::atomic<int> torn{0};
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&, t] {
      for (int i = 0; i < rounds; ++i) {
        if ((i + t) % 3 == 0) {
          const std::shared_lock hold(lock);
          torn += one != other ? 1 : 0;
        } else {
          const std::lock_guard hold(lock);
          ++one;
          ++other;
        }
      }
    });
  for (std::thread& t : all) t.join();
  CHECK(torn == 0);
  std::uint64_t written = 0;
  for (int t = 0; t < threads; ++t)
    for (int i = 0; i < rounds; ++i) written += (i + t) % 3 == 0 ? 0 : 1;
  CHECK(one == written);
  CHECK_FALSE(lock.has_waiting());
}

// The reader that leaves last is always another: the lock is never free while it is overtaken.
TEST_CASE("brief_lock: a writer is passed by so many readers and no more", "[core][brief_lock]") {
  brief_lock lock;
  lock.lock_shared();
  bool is_in = false;
  std::thread writer([&] {
    const std::lock_guard hold(lock);
    is_in = true;
  });
  await([&] { return lock.has_waiting(); });
  std::uint64_t passed = 0;
  for (; passed <= 2 * brief_lock::most_overtakes && lock.try_lock_shared(); ++passed)
    lock.unlock_shared();
  CHECK(passed == brief_lock::most_overtakes);
  CHECK_FALSE(is_in);
  lock.unlock_shared();
  writer.join();
  CHECK(is_in);
  // The next one who waits is passed as often.
  CHECK(lock.try_lock_shared());
  lock.unlock_shared();
}

TEST_CASE("brief_lock: one who waits behind another is passed as often for each",
          "[core][brief_lock]") {
  brief_lock lock;
  std::uint64_t entries = 0;
  lock.lock();
  std::atomic<int> in{0};
  std::vector<std::thread> waiting;
  for (int i = 0; i < 2; ++i)
    waiting.emplace_back([&, i] {
      if (i == 0) {
        const std::lock_guard hold(lock);
        ++in;
      } else {
        const std::shared_lock hold(lock);
        ++in;
      }
    });
  await([&] { return lock.has_waiting(); });
  lock.unlock();
  // Both came before this loop, or stand behind none of its entries but the last.
  for (bool is_over = false; !is_over;) {
    const std::lock_guard hold(lock);
    is_over = in == 2;
    entries += lock.has_waiting() ? 1 : 0;
  }
  for (std::thread& t : waiting) t.join();
  CHECK(entries <= 2 * (brief_lock::most_overtakes + 1));
}

TEST_CASE("brief_lock: a reader that is let in lets in the reader behind it",
          "[core][brief_lock]") {
  brief_lock lock;
  lock.lock();
  std::barrier both(2);
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i)
    readers.emplace_back([&] {
      const std::shared_lock hold(lock);
      both.arrive_and_wait();
    });
  await([&] { return lock.has_waiting(); });
  lock.unlock();
  for (std::thread& t : readers) t.join();
  CHECK_FALSE(lock.has_waiting());
}

// One leaves while the other goes to sleep: now a bit earlier, now a bit later. A wake that is lost
// leaves it there for ever.
TEST_CASE("brief_lock: who goes to sleep while the other leaves is woken",
          "[core][brief_lock][race]") {
  constexpr int rounds = 3'000;
  const bool shared_leaves = GENERATE(false, true), shared_comes = GENERATE(false, true);
  if (shared_leaves && shared_comes) return;
  brief_lock lock;
  std::barrier together(2);
  int comings = 0;
  std::thread other([&] {
    for (int i = 0; i < rounds; ++i) {
      together.arrive_and_wait();
      shared_comes ? lock.lock_shared() : lock.lock();
      ++comings;
      shared_comes ? lock.unlock_shared() : lock.unlock();
      together.arrive_and_wait();
    }
  });
  for (int i = 0; i < rounds; ++i) {
    shared_leaves ? lock.lock_shared() : lock.lock();
    together.arrive_and_wait();
    spin(i * 4 % 4'000);
    shared_leaves ? lock.unlock_shared() : lock.unlock();
    together.arrive_and_wait();
  }
  other.join();
  CHECK(comings == rounds);
  CHECK_FALSE(lock.has_waiting());
}

TEST_CASE("brief_lock: with many who come and go nobody is left asleep",
          "[core][brief_lock][race]") {
  constexpr int threads = 12, rounds = 4'000;
  brief_lock lock;
  std::uint64_t done = 0;
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&, t] {
      for (int i = 0; i < rounds; ++i) {
        if (t < threads / 3) {
          const std::shared_lock hold(lock);
          spin(i % 20);
        } else {
          const std::lock_guard hold(lock);
          ++done;
        }
      }
    });
  for (std::thread& t : all) t.join();
  CHECK(done == std::uint64_t{rounds} * (threads - threads / 3));
  CHECK_FALSE(lock.has_waiting());
}

TEST_CASE("brief_lock: one of many slices passes nobody who sleeps", "[core][brief_lock]") {
  const bool is_shared = GENERATE(false, true);
  for (int round = 0; round < 50; ++round) {
    brief_lock lock;
    lock.lock();
    bool has_entered = false;
    std::thread other([&] {
      const std::lock_guard hold(lock);
      has_entered = true;
    });
    await([&] { return lock.has_waiting(); });
    lock.unlock();
    is_shared ? lock.lock_shared_in_turn() : lock.lock_in_turn();
    REQUIRE(has_entered);
    is_shared ? lock.unlock_shared() : lock.unlock();
    other.join();
    // Where nobody sleeps it is had at once.
    lock.lock_in_turn();
    CHECK_FALSE(lock.try_lock_shared());
    lock.unlock();
    lock.lock_shared_in_turn();
    CHECK(lock.try_lock_shared());
    lock.unlock_shared();
    lock.unlock_shared();
  }
}

}  // namespace coramfs::tests
