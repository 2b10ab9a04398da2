// SPDX-License-Identifier: BSL-1.0
#include "core/thread_lane.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <utility>

namespace coramfs::detail {

constinit thread_local unsigned known_lane = 0;

namespace {

/// Which lanes are taken. A lane is given back at the end of its thread, of which a key of pthreads
/// tells: the destructor of a `thread_local` would be entered into a list that glibc allocates, and
/// a refusal there ends the process.
///
/// The mutex is a leaf.
class lane_register {
 public:
  /// From now on threads are assigned lanes, until `close`.
  void open() noexcept {
    const std::lock_guard lock(mutex_);
    is_open_ = pthread_key_create(&key_, &give_back) == 0;
  }
  /// Afterwards the end of a thread does not call into this library, which may be unloaded then.
  void close() noexcept {
    const std::lock_guard lock(mutex_);
    if (std::exchange(is_open_, false)) pthread_key_delete(key_);
  }

  unsigned assign() noexcept {
    const std::lock_guard lock(mutex_);
    std::size_t lane = 0;
    while (lane < thread_lanes && taken_[lane]) ++lane;
    if (lane == thread_lanes || !is_open_) return no_lane;
    const auto mark = reinterpret_cast<void*>(static_cast<std::uintptr_t>(lane + 1));
    if (pthread_setspecific(key_, mark) != 0) return no_lane;
    taken_[lane] = true;
    const auto above = static_cast<unsigned>(lane) + 1;
    in_use_.store(std::max(in_use_.load(std::memory_order_relaxed), above));
    return static_cast<unsigned>(lane);
  }
  unsigned in_use() const noexcept { return in_use_.load(); }

 private:
  // Called at the end of a thread. If something else that ends with the thread asks for its lane
  // after this, it is assigned one anew.
  static void give_back(void* mark) noexcept;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::bitset<thread_lanes> taken_;
  pthread_key_t key_{};
  bool is_open_ = false;

  std::atomic<unsigned> in_use_{0};
};

// Never destroyed: other static objects, volumes among them, may end after those of this library.
lane_register& lanes() noexcept {
  alignas(lane_register) static std::byte place[sizeof(lane_register)];
  static lane_register& all = *new (place) lane_register;
  return all;
}

/// Keeps the register open from the first question for a lane until this library's static objects
/// end.
class open_lanes {
 public:
  open_lanes() noexcept { lanes().open(); }
  open_lanes(const open_lanes&) = delete;
  open_lanes& operator=(const open_lanes&) = delete;
  ~open_lanes() { lanes().close(); }
};

void lane_register::give_back(void* mark) noexcept {
  known_lane = 0;
  lane_register& all = lanes();
  const std::lock_guard lock(all.mutex_);
  all.taken_[static_cast<std::size_t>(reinterpret_cast<std::uintptr_t>(mark)) - 1] = false;
}

}  // namespace

unsigned assign_lane() noexcept {
  static const open_lanes until_the_end;
  const unsigned lane = lanes().assign();
  known_lane = lane + 1;
  return lane;
}

unsigned lanes_in_use() noexcept { return lanes().in_use(); }

}  // namespace coramfs::detail
