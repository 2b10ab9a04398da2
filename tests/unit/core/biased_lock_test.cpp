// SPDX-License-Identifier: BSL-1.0
#include "core/biased_lock.hpp"

#include "support/await_waiting.hpp"
#include "support/catch.hpp"

#include <atomic>
#include <barrier>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace coramfs::tests {

namespace {

using detail::biased_lock;
using detail::no_lane;

void spin(int n) {
  for (std::atomic<int> i = 0; i < n; ++i) {
  }
}

class shared_hold {
 public:
  explicit shared_hold(biased_lock& lock) : lock_(lock), lane_(lock.lock_shared()) {}
  shared_hold(const shared_hold&) = delete;
  shared_hold& operator=(const shared_hold&) = delete;
  ~shared_hold() { lock_.unlock_shared(lane_); }

  bool is_in_lane() const { return lane_ != no_lane; }

 private:
  biased_lock& lock_;
  const unsigned lane_;
};

/// Shares the lock until that is biased.
void bias(biased_lock& lock) {
  int tries = 0;
  while (!shared_hold(lock).is_in_lane()) REQUIRE(++tries < 1'000);
}

}  // namespace

TEST_CASE("biased_lock: who shares it undisturbed comes to a lane, until one wants it alone",
          "[core][biased_lock]") {
  biased_lock lock;
  CHECK_FALSE(shared_hold(lock).is_in_lane());
  bias(lock);
  CHECK(shared_hold(lock).is_in_lane());
  std::thread([&] { CHECK(shared_hold(lock).is_in_lane()); }).join();
  { const std::lock_guard alone(lock); }
  CHECK_FALSE(shared_hold(lock).is_in_lane());
  bias(lock);
}

TEST_CASE("biased_lock: those in lanes are in together", "[core][biased_lock]") {
  biased_lock lock;
  bias(lock);
  std::barrier both(2);
  std::thread other([&] {
    const shared_hold hold(lock);
    CHECK(hold.is_in_lane());
    both.arrive_and_wait();
  });
  {
    const shared_hold hold(lock);
    both.arrive_and_wait();
  }
  other.join();
}

TEST_CASE("biased_lock: who wants it alone waits for one in a lane, however long that stays",
          "[core][biased_lock]") {
  biased_lock lock;
  for (const int stays : {0, 10, 1'000, 1'000'000}) {
    bias(lock);
    std::atomic<bool> is_coming{false};
    bool is_in = false;
    std::thread alone;
    {
      const shared_hold hold(lock);
      REQUIRE(hold.is_in_lane());
      alone = std::thread([&] {
        is_coming = true;
        const std::lock_guard exclusive(lock);
        is_in = true;
      });
      await([&] { return is_coming.load(); });
      spin(stays);
      CHECK_FALSE(is_in);
    }
    alone.join();
    CHECK(is_in);
  }
}

// The bias goes while another comes to its lane, or leaves it, or turns back: now a bit earlier,
// now a bit later.
TEST_CASE(
    "biased_lock: of one who comes to a lane and one who takes the bias away the second is "
    "alone",
    "[core][biased_lock][race]") {
  constexpr int rounds = 3'000;
  std::optional<biased_lock> lock;
  std::uint64_t one = 0, other = 0;
  int torn = 0;
  std::barrier together(2);
  std::thread reader([&] {
    for (int i = 0; i < rounds; ++i) {
      together.arrive_and_wait();
      spin(i / 40 % 40);
      for (int times = 0; times < 3; ++times) {
        const shared_hold hold(*lock);
        const std::uint64_t before = one;
        spin(i % 7);
        torn += before != other ? 1 : 0;
      }
      together.arrive_and_wait();
    }
  });
  for (int i = 0; i < rounds; ++i) {
    lock.emplace();
    bias(*lock);
    together.arrive_and_wait();
    spin(i % 40);
    for (int times = 0; times < 2; ++times) {
      const std::lock_guard alone(*lock);
      ++one;
      spin(i % 5);
      ++other;
    }
    together.arrive_and_wait();
  }
  reader.join();
  CHECK(torn == 0);
  CHECK(one == std::uint64_t{rounds} * 2);
}

// Long enough shared for the bias to come back again and again.
TEST_CASE("biased_lock: the bias comes and goes under many threads, and nobody sees half a change",
          "[core][biased_lock][race]") {
  constexpr int readers = 3, rounds = 300;
  biased_lock lock;
  std::uint64_t one = 0, other = 0;
  std::atomic<int> torn{0}, in_lane{0};
  std::atomic<bool> is_over{false};
  std::vector<std::thread> all;
  for (int t = 0; t < readers; ++t)
    all.emplace_back([&] {
      while (!is_over) {
        const shared_hold hold(lock);
        in_lane += hold.is_in_lane() ? 1 : 0;
        torn += one != other ? 1 : 0;
      }
    });
  for (int i = 0; i < rounds; ++i) {
    const int seen = in_lane;
    await([&] { return in_lane > seen; });
    const std::lock_guard alone(lock);
    ++one;
    ++other;
  }
  is_over = true;
  for (std::thread& t : all) t.join();
  CHECK(torn == 0);
  CHECK(one == std::uint64_t{rounds});
}

TEST_CASE("biased_lock: threads for whom there is no lane share it with those who have one",
          "[core][biased_lock]") {
  constexpr int threads = detail::thread_lanes + 6;
  biased_lock lock;
  bias(lock);
  std::uint64_t changes = 0;
  std::atomic<int> without{0};
  std::barrier all_in(threads);
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&] {
      {
        const shared_hold hold(lock);
        without += hold.is_in_lane() ? 0 : 1;
        all_in.arrive_and_wait();
      }
      const std::lock_guard alone(lock);
      ++changes;
    });
  for (std::thread& t : all) t.join();
  CHECK(without >= 6);
  CHECK(changes == threads);
}

}  // namespace coramfs::tests
