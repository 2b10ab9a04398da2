// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace coramfs::detail {

#if defined(__x86_64__) || defined(__i386__)
inline void spin_pause() noexcept { __builtin_ia32_pause(); }
#else
inline void spin_pause() noexcept {}
#endif

/// A reader-writer lock for sections of some hundred instructions, in which nothing waits.
///
/// To hand such a lock over by a queue makes a convoy: each hand-over costs a change of threads,
/// some hundred times what the section takes. So whoever comes while it is free takes it, past
/// those who wait, and who finds it taken looks again for a moment before it sleeps. The files'
/// locks, which are held for long, are fair instead (`fair_lock`). Only a thread's own rack of free
/// pieces (`magazine_rack`) may be held for longer, since its owner never waits for that.
///
/// Bound: those who sleep stand in one queue, in the order in which they came. Its head is passed
/// by at most `most_overtakes` entries of others; then nobody enters until the head has. So a
/// waiter, for reading or for writing, is passed by at most that many entries for itself and for
/// each that stood in front of it when it came.
///
/// Invariants: `waiting` is set in the word exactly while the queue is not empty; `asleep` is set
/// while the head of the queue sleeps, and whoever makes the lock free has to wake it. The number
/// of overtakes is that of the present head.
///
/// Order of locks: the quota's is a leaf; of the one inside the tree's `biased_lock`, and of those
/// of racks, see there. Its own mutex is below it, and nothing is taken under that. It allocates
/// nothing, and must outlive all calls.
class brief_lock {
 public:
  static constexpr std::uint64_t most_overtakes = 1023;

  brief_lock() = default;
  brief_lock(const brief_lock&) = delete;
  brief_lock& operator=(const brief_lock&) = delete;

  /// These two do not wait. They fail where the lock is taken, and where the head of the queue has
  /// been passed as often as it may be.
  bool try_lock() noexcept {
    std::uint64_t free = 0;
    return word_.compare_exchange_strong(free, writer, std::memory_order_acquire,
                                         std::memory_order_relaxed) ||
           (free != writer && try_enter(kind::exclusive));
  }
  bool try_lock_shared() noexcept { return try_enter(kind::shared); }

  void lock() noexcept {
    std::uint64_t free = 0;
    if (!word_.compare_exchange_strong(free, writer, std::memory_order_acquire,
                                       std::memory_order_relaxed))
      enter(kind::exclusive);
  }
  void unlock() noexcept { left(word_.fetch_sub(writer, std::memory_order_release) - writer); }

  /// As `lock` and `lock_shared`, for one who takes the lock again and again and holds it for
  /// longer than a moment each time, as a scan in slices does: it passes nobody who sleeps, who
  /// would else wait for a thousand slices.
  void lock_in_turn() noexcept { enter_in_turn(kind::exclusive); }
  void lock_shared_in_turn() noexcept { enter_in_turn(kind::shared); }

  void lock_shared() noexcept { enter(kind::shared); }
  void unlock_shared() noexcept {
    left(word_.fetch_sub(reader, std::memory_order_release) - reader);
  }

  /// For tests. The answer may be out of date on return.
  bool has_waiting() const noexcept {
    return (word_.load(std::memory_order_relaxed) & waiting) != 0;
  }

 private:
  // The word: bit 0 says that a writer holds the lock, bit 1 that somebody waits, bit 2 that the
  // head of the queue is asleep. Then comes how often the head was passed, and from bit 32 on the
  // number of readers.
  static constexpr std::uint64_t writer = 1, waiting = 2, asleep = 4, overtake = 8,
                                 reader = std::uint64_t{1} << 32;
  static constexpr std::uint64_t overtakes = most_overtakes * overtake,
                                 holders = writer | ~(reader - 1);
  static_assert(overtakes < reader);

  enum class kind : unsigned char { shared, exclusive };
  struct sleeper;

  static constexpr std::uint64_t weight(kind k) noexcept {
    return k == kind::exclusive ? writer : reader;
  }
  static constexpr bool admits(std::uint64_t word, kind k) noexcept {
    return (word & (k == kind::exclusive ? holders : writer)) == 0;
  }
  void enter(kind k) noexcept;
  void enter_in_turn(kind k) noexcept { has_waiting() ? wait(k) : enter(k); }
  bool try_enter(kind k) noexcept;
  void wait(kind k) noexcept;
  void await_free(kind k) const noexcept;
  bool admit_head() noexcept;
  void left(std::uint64_t now) noexcept {
    if ((now & asleep) != 0 && (now & holders) == 0) wake_head();
  }
  void wake_head() noexcept;

  std::atomic<std::uint64_t> word_{0};
  std::mutex mutex_;
  // Guarded by mutex_.
  sleeper* head_ = nullptr;
  sleeper* tail_ = nullptr;
};

}  // namespace coramfs::detail
