// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "core/brief_lock.hpp"
#include "core/thread_lane.hpp"

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>

namespace coramfs::detail {

/// A `brief_lock` whose shared holders share no memory that they write to, while nobody wants it
/// exclusively.
///
/// While it is biased, a shared holder marks the lane of its own thread and is in. Who wants it
/// exclusively takes the brief lock, takes the bias away, and waits until all lanes are left; from
/// then on shared holders go through the brief lock, too, until they have done so for a while
/// without an exclusive one in between.
///
/// Bound: as of the brief lock. Whoever wants it exclusively waits beside that for one shared
/// section in each lane at most, since a holder that marks its lane after the bias has gone turns
/// back.
///
/// Invariants: the bias is given under a shared hold of the brief lock, and taken away under an
/// exclusive one; so nobody holds it exclusively while it is biased, but for one who is about to
/// wait for the lanes. A lane is marked by its own thread alone, once: shared holds do not nest.
///
/// Order of locks: it stands where its brief lock stands. `mutex_` is below that, and nothing is
/// taken under it. It allocates nothing.
class biased_lock {
 public:
  biased_lock() = default;
  biased_lock(const biased_lock&) = delete;
  biased_lock& operator=(const biased_lock&) = delete;

  void lock() noexcept {
    brief_.lock();
    make_exclusive();
  }
  /// As `lock`, for one of many slices: see `brief_lock::lock_in_turn`.
  void lock_in_turn() noexcept {
    brief_.lock_in_turn();
    make_exclusive();
  }
  void unlock() noexcept {
    holder_.store(std::thread::id(), std::memory_order_relaxed);
    brief_.unlock();
  }
  /// Whether the calling thread holds it exclusively.
  bool is_held_by_this_thread() const noexcept {
    return holder_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  /// Returns what the same thread has to pass to `unlock_shared`.
  unsigned lock_shared() noexcept {
    const unsigned lane = enter_lane();
    if (lane == no_lane) {
      brief_.lock_shared();
      note_undisturbed();
    }
    return lane;
  }
  /// As `lock_shared`, for one of many slices: see `brief_lock::lock_in_turn`.
  unsigned lock_shared_in_turn() noexcept {
    const unsigned lane = enter_lane();
    if (lane == no_lane) {
      brief_.lock_shared_in_turn();
      note_undisturbed();
    }
    return lane;
  }
  void unlock_shared(unsigned lane) noexcept {
    lane != no_lane ? leave(lane) : brief_.unlock_shared();
  }

 private:
  static constexpr std::size_t cache_line = 64;
  struct alignas(cache_line) lane_mark {
    std::atomic<bool> is_held{false};
  };

  // `no_lane`: it is not biased, or the thread has none.
  unsigned enter_lane() noexcept {
    if (!is_biased_.load(std::memory_order_relaxed)) return no_lane;
    const unsigned lane = thread_lane();
    if (lane == no_lane) return no_lane;
    // Either this sees that the bias has gone, or who takes it away sees this.
    lanes_[lane].is_held.exchange(true, std::memory_order_seq_cst);
    if (is_biased_.load(std::memory_order_seq_cst)) return lane;
    leave(lane);
    return no_lane;
  }
  void leave(unsigned lane) noexcept {
    lanes_[lane].is_held.store(false, std::memory_order_release);
    if (!is_biased_.load(std::memory_order_relaxed)) tell_left();
  }
  void make_exclusive() noexcept {
    undisturbed_.store(0, std::memory_order_relaxed);
    holder_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    if (is_biased_.load(std::memory_order_relaxed)) revoke();
  }
  void note_undisturbed() noexcept;
  void revoke() noexcept;
  void await_left(const lane_mark& lane) noexcept;
  void tell_left() noexcept;

  // Whoever takes the lock writes to all of these, so they are in one cache line with the word of
  // the brief lock. `is_biased_`, which all read, has another.
  alignas(cache_line) std::atomic<unsigned> undisturbed_{0};  // shared holds since an exclusive one
  std::atomic<std::thread::id> holder_{};                     // exclusively
  brief_lock brief_;
  std::mutex mutex_;
  std::condition_variable left_;
  std::array<lane_mark, thread_lanes> lanes_;
  alignas(cache_line) std::atomic<bool> is_biased_{false};
};

}  // namespace coramfs::detail
