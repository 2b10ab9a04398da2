// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/detail/lock_kind.hpp>
#include <coramfs/detail/waiting.hpp>

#include <atomic>
#include <cassert>
#include <cstdint>
#include <mutex>

namespace coramfs::detail {

/// The fair reader-writer lock behind `rw_lock` and the files' locks: threads block on it, and
/// whatever else can wait queues a `waiter`.
///
/// One atomic word serves while nobody waits. Whoever finds the lock taken, or others waiting, goes
/// to the end of one queue; a release hands the lock to the head of the queue: one writer, or all
/// readers up to the next writer.
///
/// A third kind are movers. They exclude readers and writers, but not each other: to have the lock
/// says that nobody uses its object, and that nobody begins to. What they then do to it they agree
/// about by another lock, which is the tree's.
///
/// Invariant: `queued` is set in the word exactly while the queue is not empty, and from then on
/// nobody gets the lock, or lets go of it, except by way of the queue and under its mutex. It stays
/// set in a lock that is retired, whose queue is empty.
///
/// Thread safety: all members may be called from many threads at once. Order of locks: a file's
/// lock is above all others of the library, and is only tried under the tree's. The mutex is a
/// leaf, and waiters are told when it is free.
///
/// Lifetime: it must outlive its holds and its waiters; whoever had it last may end it, as with a
/// `std::mutex`. For that an unlock touches nothing of the lock once another may have it.
class fair_lock {
 public:
  using kind = lock_kind;

  fair_lock() = default;
  fair_lock(const fair_lock&) = delete;
  fair_lock& operator=(const fair_lock&) = delete;
  CORAMFS_EXPORT ~fair_lock();

  /// Takes the lock if that passes nobody who waits. Returns whether it did.
  bool try_lock(kind k) noexcept {
    if (k == kind::exclusive) return try_lock_exclusive();
    return k == kind::shared ? try_lock_shared() : try_lock_moving();
  }
  void unlock(kind k) noexcept {
    if (k == kind::exclusive) return unlock_exclusive();
    k == kind::shared ? unlock_shared() : unlock_moving();
  }

  /// Blocks the calling thread. Returns whether it has the lock; it has not if the deadline passed
  /// first. `waiting`, if given, is one higher while the thread is in the queue.
  bool lock(kind k, deadline until = std::nullopt,
            std::atomic<std::uint64_t>* waiting = nullptr) noexcept {
    return try_lock(k) || wait(k, until, waiting);
  }

  /// Queues `w`, unless the lock is free. Returns whether it was free: then it is the caller's, and
  /// `granted` is not called.
  bool enqueue(waiter& w, kind k) noexcept;

  /// Takes `w` out of the queue. Returns whether it was there: then it is never granted. Otherwise
  /// it was granted before, or was not queued.
  bool remove(waiter& w) noexcept {
    admission others;
    return remove(w, others);
  }
  /// Takes `w` out of the queue in the same way, for a caller that holds a lock of its own: who
  /// stood behind `w` and goes in now is told when `others` ends.
  bool remove(waiter& w, admission& others) noexcept;

  /// Ends the order among those who come: whoever waits is told that it has the lock, whoever comes
  /// later has it at once, and to let go of it does nothing. It is for a lock whose object nobody
  /// finds any more, and whoever has waited looks at that first.
  void retire() noexcept;
  /// Makes it a lock again that is free. Precondition: nobody has it, waits for it or comes.
  void restore() noexcept { word_.store(0, std::memory_order_release); }

  /// How many wait, up to 1,000, for messages. It may be out of date on return.
  std::uint32_t waiters() const noexcept;

  /// For assertions and tests. The answer may be out of date on return.
  bool is_idle() const noexcept { return word_.load(std::memory_order_acquire) == 0; }

 private:
  // The word: bit 0 says that a writer holds the lock, bit 1 that the queue is not empty, and from
  // bit 2 on is the number of readers, or of movers if the last bit but one says so. The last bit
  // says that it is retired; then the others, but for bit 1, mean nothing.
  static constexpr std::uint64_t writer = 1, queued = 2, reader = 4,
                                 movers = std::uint64_t{1} << 62, retired = std::uint64_t{1} << 63;

  bool is_retired() const noexcept {
    return (word_.load(std::memory_order_relaxed) & retired) != 0;
  }

  bool try_lock_exclusive() noexcept {
    std::uint64_t free = 0;
    return word_.compare_exchange_strong(free, writer, std::memory_order_acquire,
                                         std::memory_order_relaxed);
  }
  bool try_lock_shared() noexcept {
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    while ((seen & (writer | queued | movers)) == 0) {
      if (word_.compare_exchange_weak(seen, seen + reader, std::memory_order_acquire,
                                      std::memory_order_relaxed))
        return true;
    }
    return false;
  }
  void unlock_exclusive() noexcept {
    std::uint64_t held = writer;
    if (!word_.compare_exchange_strong(held, 0, std::memory_order_release,
                                       std::memory_order_relaxed)) {
      assert((held & queued) != 0);
      hand_over(kind::exclusive);
    }
  }
  void unlock_shared() noexcept {
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    do {
      assert(seen >= reader);
      if ((seen & queued) != 0) return hand_over(kind::shared);
    } while (!word_.compare_exchange_weak(seen, seen - reader, std::memory_order_release,
                                          std::memory_order_relaxed));
  }
  CORAMFS_EXPORT bool try_lock_moving() noexcept;
  CORAMFS_EXPORT void unlock_moving() noexcept;
  CORAMFS_EXPORT bool wait(kind k, const deadline& until,
                           std::atomic<std::uint64_t>* waiting) noexcept;
  CORAMFS_EXPORT void hand_over(kind k) noexcept;
  bool admit(kind k) noexcept;
  void admit_from_queue(admission& admitted) noexcept;

  std::atomic<std::uint64_t> word_{0};
  mutable std::mutex mutex_;
  wait_queue queue_;  // guarded by mutex_
};

/// A claim for a hold of a fair_lock, and a place in its queue.
///
/// Thread safety: one operation's own.
class lock_claim final : public claim {
 public:
  lock_claim(fair_lock& lock, fair_lock::kind k) noexcept : lock_(lock), kind_(k) {}

  bool enqueue(waiter& w) noexcept override { return lock_.enqueue(w, kind_); }
  bool withdraw(waiter& w, admission& others) noexcept override { return lock_.remove(w, others); }
  void give_back() noexcept override { lock_.unlock(kind_); }

 private:
  fair_lock& lock_;
  const fair_lock::kind kind_;
};

/// One hold of a fair_lock, which the destructor releases.
class lock_hold {
 public:
  lock_hold() noexcept = default;
  /// Takes over a hold that the caller has.
  lock_hold(fair_lock& lock, fair_lock::kind k) noexcept : lock_(&lock), kind_(k) {}
  lock_hold(lock_hold&& other) noexcept : lock_(other.lock_), kind_(other.kind_) {
    other.lock_ = nullptr;
  }
  lock_hold& operator=(lock_hold&& other) noexcept {
    if (this != &other) {
      release();
      lock_ = other.lock_;
      kind_ = other.kind_;
      other.lock_ = nullptr;
    }
    return *this;
  }
  ~lock_hold() { release(); }

  explicit operator bool() const noexcept { return lock_ != nullptr; }
  void release() noexcept {
    if (lock_ == nullptr) return;
    lock_->unlock(kind_);
    lock_ = nullptr;
  }

 private:
  fair_lock* lock_ = nullptr;
  fair_lock::kind kind_ = fair_lock::kind::shared;
};

}  // namespace coramfs::detail
