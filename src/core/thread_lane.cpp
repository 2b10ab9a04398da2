// SPDX-License-Identifier: BSL-1.0
#include "core/thread_lane.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace coramfs::detail {

constinit thread_local unsigned known_lane = 0;

namespace {

/// The lanes, and who hears of the end of a thread that has one.
///
/// That is a key of pthreads: the destructor of a `thread_local` would be entered into a list that
/// glibc allocates, and a refusal there ends the process.
class lane_register {
 public:
  lane_register() noexcept : has_key_(pthread_key_create(&key_, &give_back) == 0) {}
  lane_register(const lane_register&) = delete;
  lane_register& operator=(const lane_register&) = delete;
  ~lane_register() {
    if (has_key_) pthread_key_delete(key_);
  }

  unsigned assign() noexcept {
    const std::lock_guard lock(mutex_);
    std::size_t lane = 0;
    while (lane < thread_lanes && taken_[lane]) ++lane;
    if (lane == thread_lanes || !has_key_) return no_lane;
    const auto mark = reinterpret_cast<void*>(static_cast<std::uintptr_t>(lane + 1));
    if (pthread_setspecific(key_, mark) != 0) return no_lane;
    taken_[lane] = true;
    const auto above = static_cast<unsigned>(lane) + 1;
    in_use_.store(std::max(in_use_.load(std::memory_order_relaxed), above));
    return static_cast<unsigned>(lane);
  }
  unsigned in_use() const noexcept { return in_use_.load(); }

 private:
  // At the end of a thread. What else ends with it and comes here again is given another lane.
  static void give_back(void* mark) noexcept;

  std::mutex mutex_;
  std::bitset<thread_lanes> taken_;  // guarded by mutex_
  std::atomic<unsigned> in_use_{0};
  pthread_key_t key_{};
  const bool has_key_;
};

// Made with its first use, which other static objects may be before.
lane_register& lanes() noexcept {
  static lane_register all;
  return all;
}

void lane_register::give_back(void* mark) noexcept {
  known_lane = 0;
  lane_register& all = lanes();
  const std::lock_guard lock(all.mutex_);
  all.taken_[static_cast<std::size_t>(reinterpret_cast<std::uintptr_t>(mark)) - 1] = false;
}

}  // namespace

unsigned assign_lane() noexcept {
  const unsigned lane = lanes().assign();
  known_lane = lane + 1;
  return lane;
}

unsigned lanes_in_use() noexcept { return lanes().in_use(); }

}  // namespace coramfs::detail
