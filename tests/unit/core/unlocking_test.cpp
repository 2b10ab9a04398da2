// SPDX-License-Identifier: BSL-1.0
// Whoever had a lock last may end its life, as with a std::mutex: an unlock that still needs the
// lock still has it. The unlocking thread is stopped where it asks for the mutex of the queue, and
// those whom it found there leave meanwhile. Likewise one is stopped on its way to a lane.
#include <coramfs/detail/fair_lock.hpp>

#include "core/biased_lock.hpp"

#include "support/catch.hpp"

#include <atomic>
#include <thread>

// Sanitizers know of mutexes by their own functions.
#if defined(__GLIBC__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)

#include <dlfcn.h>
#include <pthread.h>

namespace {

thread_local bool stops = false;
std::atomic<bool> has_stopped = false, goes_on = false;

}  // namespace

extern "C" int pthread_mutex_lock(pthread_mutex_t* m) noexcept {
  static const auto real =
      reinterpret_cast<int (*)(pthread_mutex_t*)>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  if (stops) {
    stops = false;
    has_stopped = true;
    has_stopped.notify_one();
    goes_on.wait(false);
  }
  return real(m);
}

namespace coramfs::tests {

namespace {

using detail::fair_lock;
using kind = fair_lock::kind;

class quiet_waiter final : public detail::waiter {
  void granted() noexcept override {}
};

/// An unlock on a thread of its own, that is stopped on its way.
class stopped_unlock {
 public:
  stopped_unlock(fair_lock& lock, kind k)
      : thread_([&lock, k] {
          stops = true;
          lock.unlock(k);
          stops = false;
        }) {
    has_stopped.wait(false);
  }
  ~stopped_unlock() {
    goes_on = true;
    goes_on.notify_one();
    thread_.join();
    has_stopped = goes_on = false;
  }

 private:
  std::thread thread_;
};

/// The shared hold of a biased lock, by a thread that has no lane yet: it is stopped where it asks
/// for one, having seen that the lock is biased.
class stopped_sharing {
 public:
  explicit stopped_sharing(detail::biased_lock& lock)
      : thread_([this, &lock] {
          stops = true;
          const unsigned lane = lock.lock_shared();
          stops = false;
          is_in_ = true;
          lock.unlock_shared(lane);
        }) {
    has_stopped.wait(false);
  }
  ~stopped_sharing() {
    thread_.join();
    has_stopped = goes_on = false;
  }

  void go_on() {
    goes_on = true;
    goes_on.notify_one();
  }
  bool is_in() const { return is_in_; }

 private:
  std::atomic<bool> is_in_ = false;
  std::thread thread_;
};

}  // namespace

TEST_CASE("unlocking: nobody has the lock while an unlock is on its way to those who wait",
          "[core][lock]") {
  const auto held = GENERATE(kind::shared, kind::exclusive);
  fair_lock lock;
  REQUIRE(lock.try_lock(held));
  quiet_waiter leaves;
  REQUIRE(!lock.enqueue(leaves, kind::exclusive));
  {
    const stopped_unlock unlocks(lock, held);
    CHECK(lock.remove(leaves));
    CHECK(!lock.is_idle());
    CHECK(!lock.try_lock(kind::exclusive));
  }
  CHECK(lock.is_idle());
}

TEST_CASE("unlocking: of two readers the one that leaves first does not keep the lock",
          "[core][lock]") {
  fair_lock lock;
  REQUIRE(lock.try_lock(kind::shared));
  REQUIRE(lock.try_lock(kind::shared));
  quiet_waiter leaves;
  REQUIRE(!lock.enqueue(leaves, kind::exclusive));
  {
    const stopped_unlock unlocks(lock, kind::shared);
    CHECK(lock.remove(leaves));
    lock.unlock(kind::shared);
    CHECK(!lock.is_idle());
  }
  CHECK(lock.is_idle());
}

TEST_CASE("biased_lock: who comes to a lane when the bias has gone turns back",
          "[core][biased_lock]") {
  detail::biased_lock lock;
  unsigned lane = detail::no_lane;
  for (int tries = 0; lane == detail::no_lane && tries < 1'000; ++tries) {
    lane = lock.lock_shared();
    lock.unlock_shared(lane);
  }
  REQUIRE(lane != detail::no_lane);
  stopped_sharing reader(lock);
  lock.lock();
  reader.go_on();
  for (int i = 0; i < 1'000 && !reader.is_in(); ++i) std::this_thread::yield();
  CHECK(!reader.is_in());
  lock.unlock();
}

}  // namespace coramfs::tests

#endif
