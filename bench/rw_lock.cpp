// SPDX-License-Identifier: BSL-1.0
//
// What does the lock cost, and how long can a writer be kept waiting?
//
// Baselines: `std::shared_mutex` for threads; for coroutines that hand the lock to each other on
// one thread, each of which holds it across a post, the floor of one coroutine alone that posts
// twice, and one post; with a deadline, in a context that has a timer, too.
#include <coramfs/rw_lock.hpp>

#include "support/operations.hpp"
#include "support/program.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <shared_mutex>
#include <thread>
#include <vector>

namespace coramfs::bench {

namespace {

using namespace std::chrono_literals;

// The lock while nobody else wants it. glibc leaves out atomic operations in a process that has
// only ever had one thread, which none is that has a use for the lock.
void become_multithreaded() {
  std::thread([] {}).join();
}

template <class Lock>
void lock_exclusive(benchmark::State& state) {
  Lock lock;
  for (auto _ : state) {
    lock.lock();
    lock.unlock();
  }
}

template <class Lock>
void lock_shared(benchmark::State& state) {
  Lock lock;
  for (auto _ : state) {
    lock.lock_shared();
    lock.unlock_shared();
  }
}

// Readers whose holds overlap, so that the lock is never free of them by itself.
template <class Lock>
class crowd_of_readers {
 public:
  crowd_of_readers(Lock& lock, std::chrono::microseconds hold) : lock_(&lock), hold_(hold) {
    for (std::size_t i = 0; i < 2; ++i) {
      threads_.emplace_back([this] { read(); });
      std::this_thread::sleep_for(hold / 2);
    }
  }
  ~crowd_of_readers() { leave(); }

  void leave() {
    leaving_ = true;
    for (std::thread& t : threads_) t.join();
    threads_.clear();
  }
  bool is_leaving() const { return leaving_; }
  /// What sleeping for it really took, at most.
  clock::duration longest_hold() const { return clock::duration(longest_.load()); }

 private:
  void read() {
    while (!leaving_) {
      lock_->lock_shared();
      const auto begin = clock::now();
      std::this_thread::sleep_for(hold_);
      const auto held = clock::now() - begin;
      lock_->unlock_shared();
      auto known = longest_.load();
      while (known < held.count() && !longest_.compare_exchange_weak(known, held.count())) {
      }
    }
  }

  Lock* lock_;
  std::chrono::microseconds hold_;
  std::atomic<bool> leaving_{false};
  std::atomic<clock::rep> longest_{0};
  std::vector<std::thread> threads_;
};

// The readers leave in the end, for with std::shared_mutex the writer may wait for that.
template <class Lock>
clock::duration write_among(Lock& lock, crowd_of_readers<Lock>& readers, clock::duration patience) {
  std::promise<void> written;
  std::thread patrol([&, done = written.get_future()] {
    if (done.wait_for(patience) == std::future_status::timeout) readers.leave();
  });
  const auto begin = clock::now();
  lock.lock();
  const auto waited = clock::now() - begin;
  lock.unlock();
  written.set_value();
  patrol.join();
  return waited;
}

template <class Lock>
void wait_of_writer(benchmark::State& state) {
  const auto patience = std::chrono::milliseconds(scaled(1000, 10));
  const std::size_t writes = scaled(20, 2);
  for (auto _ : state) {
    Lock lock;
    crowd_of_readers readers(lock, 2ms);
    std::vector<clock::duration> waits;
    for (std::size_t i = 0; i < writes && !readers.is_leaving(); ++i) {
      waits.push_back(write_among(lock, readers, patience));
      std::this_thread::sleep_for(3ms);
    }
    const auto longest = *std::max_element(waits.begin(), waits.end());
    state.SetIterationTime(std::chrono::duration<double>(longest).count());
    readers.leave();
    state.counters["holds"] = std::chrono::duration<double>(longest) / readers.longest_hold();
  }
}

void register_wait(const char* name, void (*body)(benchmark::State&)) {
  benchmark::RegisterBenchmark(name, body)
      ->Iterations(1)
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

}  // namespace

void register_cases() {
  become_multithreaded();
  benchmark::RegisterBenchmark("lock_exclusive/rw_lock", lock_exclusive<rw_lock>);
  benchmark::RegisterBenchmark("lock_exclusive/shared_mutex", lock_exclusive<std::shared_mutex>);
  benchmark::RegisterBenchmark("lock_shared/rw_lock", lock_shared<rw_lock>);
  benchmark::RegisterBenchmark("lock_shared/shared_mutex", lock_shared<std::shared_mutex>);
  for (const operation& o : lock_operations()) register_operation(o);
  register_wait("writer_among_readers/rw_lock", wait_of_writer<rw_lock>);
  register_wait("writer_among_readers/shared_mutex", wait_of_writer<std::shared_mutex>);
}

}  // namespace coramfs::bench
