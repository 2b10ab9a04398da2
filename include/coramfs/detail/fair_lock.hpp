// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace coramfs::detail {

/// The fair reader-writer lock without a face: threads block on it, and whatever else can wait
/// queues a `waiter`. `rw_lock` and the files' locks are made of it.
///
/// One atomic word serves while nobody waits. Whoever finds the lock taken, or others waiting,
/// goes to the end of one queue; a release hands the lock to the head of the queue: one writer,
/// or all readers up to the next writer.
///
/// Invariants:
/// - `queued` is set in the word exactly while the queue is not empty, and from then on nobody
///   gets the lock but by way of the queue.
/// - A waiter goes from `idle` to `queued`, and from there to `granted` or `removed`, only
///   under `mutex_`: exactly one of grant and removal ends a wait.
class CORAMFS_EXPORT fair_lock {
 public:
  enum class kind : unsigned char { shared, exclusive };
  using deadline = std::optional<std::chrono::steady_clock::time_point>;

  /// One place in the queue. Must stay where it is until it is granted or removed.
  class waiter {
   public:
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;

   protected:
    waiter() = default;
    ~waiter() = default;

   private:
    friend class fair_lock;
    /// Called once, when the lock is the waiter's. `mutex_` is not held, so the waiter may be
    /// gone when this returns. Resumes nobody: it hands the news to whom it concerns.
    virtual void granted() noexcept = 0;

    enum class state : unsigned char { idle, queued, granted, removed };
    waiter* previous_ = nullptr;
    waiter* next_ = nullptr;
    kind kind_ = kind::shared;
    state state_ = state::idle;
  };

  /// Waiters that have the lock and are yet to be told, which is done by `announce` or at last
  /// by the destructor. Never under a lock that a `granted` takes.
  class admission {
   public:
    admission() = default;
    admission(const admission&) = delete;
    admission& operator=(const admission&) = delete;
    ~admission() { announce(); }
    void announce() noexcept;

   private:
    friend class fair_lock;
    void append(waiter& w) noexcept;
    waiter* first_ = nullptr;
    waiter* last_ = nullptr;
  };

  fair_lock() = default;
  fair_lock(const fair_lock&) = delete;
  fair_lock& operator=(const fair_lock&) = delete;
  ~fair_lock();

  /// Takes the lock if that passes nobody.
  bool try_lock(kind k) noexcept;
  void unlock(kind k) noexcept;

  /// Blocks the calling thread. False: the deadline passed first. `waiting`, if given, is one
  /// higher while the thread is in the queue.
  bool lock(kind k, deadline until = std::nullopt,
            std::atomic<std::uint64_t>* waiting = nullptr) noexcept;

  /// Queues `w`. True: the lock was free, it is the caller's, and `granted` is not called.
  bool enqueue(waiter& w, kind k) noexcept;

  /// Takes `w` out of the queue. True: it was there and is never granted. False: it was
  /// granted before, or is not queued.
  bool remove(waiter& w) noexcept {
    admission others;
    return remove(w, others);
  }
  /// Likewise, for a caller with a lock of its own: `others` tells, when it ends, who goes in
  /// now that stood behind `w`.
  bool remove(waiter& w, admission& others) noexcept;

  /// For assertions and tests: what is seen may have changed on return.
  bool is_idle() const noexcept { return word_.load(std::memory_order_acquire) == 0; }

 private:
  // The word: bit 0 a writer holds, bit 1 the queue is not empty, from bit 2 on the readers.
  static constexpr std::uint64_t writer = 1, queued = 2, reader = 4;

  bool try_lock_exclusive() noexcept;
  bool try_lock_shared() noexcept;
  void unlock_exclusive() noexcept;
  void unlock_shared() noexcept;
  void append(waiter& w) noexcept;
  void unlink(waiter& w) noexcept;
  bool admit(kind k) noexcept;
  void admit_from_queue(admission& admitted) noexcept;

  std::atomic<std::uint64_t> word_{0};
  std::mutex mutex_;  // guards the queue and the waiters' states
  waiter* head_ = nullptr;
  waiter* tail_ = nullptr;
};

/// Counts one waiter that is in a queue, while it lives.
class waiting_mark {
 public:
  explicit waiting_mark(std::atomic<std::uint64_t>* count) noexcept : count_(count) {
    if (count_ != nullptr) ++*count_;
  }
  waiting_mark(const waiting_mark&) = delete;
  waiting_mark& operator=(const waiting_mark&) = delete;
  ~waiting_mark() {
    if (count_ != nullptr) --*count_;
  }

 private:
  std::atomic<std::uint64_t>* count_;
};

/// One hold of a fair_lock; releases on destruction.
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
    if (lock_ != nullptr) lock_->unlock(kind_);
    lock_ = nullptr;
  }

 private:
  fair_lock* lock_ = nullptr;
  fair_lock::kind kind_ = fair_lock::kind::shared;
};

}  // namespace coramfs::detail
