// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace coramfs::detail {

class waiter;

/// What the owner of a queue knows of a waiter.
///
/// It goes from `idle` to `queued`, and from there to `granted` or `removed`, only under the mutex
/// of the queue's owner: exactly one of grant and removal ends a wait.
class queue_place {
 public:
  queue_place(const queue_place&) = delete;
  queue_place& operator=(const queue_place&) = delete;

 protected:
  queue_place() = default;
  ~queue_place() = default;

 private:
  friend class admission;
  friend class wait_queue;
  enum class state : unsigned char { idle, queued, granted, removed };
  waiter* previous_ = nullptr;
  waiter* next_ = nullptr;
  std::uint64_t wanted_ = 0;  // as the owner of the queue counts it
  state state_ = state::idle;
};

/// One place in a queue. It must stay where it is until it is granted or removed.
///
/// What only the queue's owner knows is in `queue_place`, since friends may destroy what they are
/// friends of: compilers want a virtual destructor of a class that has both friends and virtual
/// functions.
class waiter : public queue_place {
 public:
  /// Called once, by the queue, when it has what it waits for. The queue's mutex is not held, so
  /// the waiter may be gone when this returns. It resumes nobody in here, but hands the news on.
  virtual void granted() noexcept = 0;

 protected:
  waiter() = default;
  ~waiter() = default;
};

/// Waiters that have been granted what they wait for and are yet to be told, which is done by
/// `announce` or at last by the destructor. That must not be under a lock that a `granted` takes,
/// nor under one that a user's executor might come to: there an `announcement_pause` is due. It is
/// one thread's own, on its stack.
class admission {
 public:
  admission() = default;
  admission(const admission&) = delete;
  admission& operator=(const admission&) = delete;
  ~admission() { announce(); }
  void announce() noexcept;

 private:
  friend class wait_queue;
  void append(waiter& w) noexcept;
  void take(admission& others) noexcept;

  waiter* first_ = nullptr;
  waiter* last_ = nullptr;
};

/// While one of these lives, its thread tells nobody: whoever is granted something meanwhile is
/// told when the outermost of them ends. It is for whoever holds a lock that is not a leaf.
class announcement_pause {
 public:
  announcement_pause() noexcept;
  announcement_pause(const announcement_pause&) = delete;
  announcement_pause& operator=(const announcement_pause&) = delete;
  ~announcement_pause();

 private:
  admission untold_;  // told when it is destroyed
};

/// Waiters in the order in which they came. Guarded by the mutex of its owner.
class wait_queue {
 public:
  bool empty() const noexcept { return head_ == nullptr; }
  /// How many there are, up to 1,000. It takes time with their number.
  std::uint32_t size() const noexcept;
  bool is_head(const waiter& w) const noexcept { return head_ == &w; }
  /// Returns what the head wants. Precondition: not empty.
  std::uint64_t head_wants() const noexcept { return head_->wanted_; }
  /// Returns what all want, or the largest number if it is more. It takes time with their number.
  std::uint64_t all_want() const noexcept;

  void append(waiter& w, std::uint64_t wanted) noexcept;
  /// Puts a waiter in front of all others, since it has waited before.
  void prepend(waiter& w, std::uint64_t wanted) noexcept;
  /// Puts a waiter behind all who want no more than it does. It takes time with the number of
  /// these, or of those who want more, whichever is less.
  void insert_by_want(waiter& w, std::uint64_t wanted) noexcept;
  /// Grants the head what it wants, and has `told` tell it. Precondition: not empty.
  void admit_head(admission& told) noexcept;
  /// Grants the head what it wants, without telling it: it is the caller's. Precondition: not
  /// empty.
  void admit_head() noexcept { take_head(); }
  /// Takes `w` out of the queue. Returns whether it was there: otherwise it was granted before, or
  /// was not queued.
  bool remove(waiter& w) noexcept;

 private:
  void insert(waiter& w, std::uint64_t wanted, waiter* previous, waiter* next) noexcept;
  waiter& take_head() noexcept;
  void unlink(waiter& w) noexcept;

  waiter* head_ = nullptr;
  waiter* tail_ = nullptr;
};

/// Something that one may have to wait for, and in whose queue: a lock, or room in a quota.
///
/// Thread safety: one operation's own.
class claim {
 public:
  /// Queues `w`, unless the claim can be had at once. Returns whether it was: then `granted` is not
  /// called.
  virtual bool enqueue(waiter& w) noexcept = 0;
  /// Takes `w` out of the queue. Returns whether it was there: then it is never granted, and who
  /// stood behind it and goes in now is told when `others` ends. Otherwise it was granted before.
  virtual bool withdraw(waiter& w, admission& others) noexcept = 0;
  /// Gives back what was granted, for a waiter that can not take it any more.
  virtual void give_back() noexcept = 0;

 protected:
  claim() = default;
  claim(const claim&) = default;
  claim& operator=(const claim&) = default;
  ~claim() = default;
};

using deadline = std::optional<std::chrono::steady_clock::time_point>;

/// Blocks the calling thread until the claim is had. Returns whether it is; it is not if the
/// deadline passed first, or if there is a `blocking_ban` for the thread and it would have had to
/// wait. `waiting`, if given, is one higher while the thread is in the queue.
bool block_on(claim& c, const deadline& until,
              std::atomic<std::uint64_t>* waiting = nullptr) noexcept;

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

}  // namespace coramfs::detail
