// SPDX-License-Identifier: BSL-1.0
#include <coramfs/detail/fair_lock.hpp>

#include <cassert>
#include <condition_variable>
#include <utility>

namespace coramfs::detail {

namespace {

/// A blocked thread.
class thread_waiter final : public fair_lock::waiter {
 public:
  /// False: the deadline passed first.
  bool wait(const fair_lock::deadline& until) {
    std::unique_lock lock(mutex_);
    const auto granted = [this] { return granted_; };
    if (until) return wake_.wait_until(lock, *until, granted);
    wake_.wait(lock, granted);
    return true;
  }

 private:
  // Notifies under the mutex: the thread may return, and this end, once it is released.
  void granted() noexcept override {
    const std::lock_guard lock(mutex_);
    granted_ = true;
    wake_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  bool granted_ = false;  // guarded by mutex_
};

}  // namespace

fair_lock::~fair_lock() { assert(is_idle() && head_ == nullptr); }

bool fair_lock::try_lock(kind k) noexcept {
  return k == kind::exclusive ? try_lock_exclusive() : try_lock_shared();
}

void fair_lock::unlock(kind k) noexcept {
  k == kind::exclusive ? unlock_exclusive() : unlock_shared();
}

bool fair_lock::lock(kind k, deadline until, std::atomic<std::uint64_t>* waiting) noexcept {
  if (try_lock(k)) return true;
  thread_waiter self;
  if (enqueue(self, k)) return true;
  const waiting_mark mark(waiting);
  if (self.wait(until)) return true;
  if (remove(self)) return false;
  // The grant crossed the deadline and is on its way.
  return self.wait(std::nullopt);
}

bool fair_lock::enqueue(waiter& w, kind k) noexcept {
  const std::lock_guard lock(mutex_);
  assert(w.state_ == waiter::state::idle);
  // From here on no one takes the lock past the queue; who held it before comes to `mutex_`
  // when it releases.
  word_.fetch_or(queued, std::memory_order_acq_rel);
  w.kind_ = k;
  append(w);
  if (head_ != &w || !admit(k)) return false;
  unlink(w);
  w.state_ = waiter::state::granted;
  word_.fetch_and(~queued, std::memory_order_acq_rel);
  return true;
}

bool fair_lock::remove(waiter& w, admission& others) noexcept {
  const std::lock_guard lock(mutex_);
  if (w.state_ != waiter::state::queued) return false;
  unlink(w);
  w.state_ = waiter::state::removed;
  admit_from_queue(others);
  return true;
}

bool fair_lock::try_lock_exclusive() noexcept {
  std::uint64_t free = 0;
  return word_.compare_exchange_strong(free, writer, std::memory_order_acquire,
                                       std::memory_order_relaxed);
}

bool fair_lock::try_lock_shared() noexcept {
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  while ((seen & (writer | queued)) == 0) {
    if (word_.compare_exchange_weak(seen, seen + reader, std::memory_order_acquire,
                                    std::memory_order_relaxed))
      return true;
  }
  return false;
}

void fair_lock::unlock_exclusive() noexcept {
  std::uint64_t held = writer;
  if (word_.compare_exchange_strong(held, 0, std::memory_order_release, std::memory_order_relaxed))
    return;
  assert((held & writer) != 0);
  admission next;
  const std::lock_guard lock(mutex_);
  word_.fetch_and(~writer, std::memory_order_acq_rel);
  admit_from_queue(next);
}

void fair_lock::unlock_shared() noexcept {
  const std::uint64_t before = word_.fetch_sub(reader, std::memory_order_acq_rel);
  assert(before >= reader);
  const bool was_last = before / reader == 1;
  if (!was_last || (before & queued) == 0) return;
  admission next;
  const std::lock_guard lock(mutex_);
  admit_from_queue(next);
}

void fair_lock::append(waiter& w) noexcept {
  w.previous_ = tail_;
  (tail_ != nullptr ? tail_->next_ : head_) = &w;
  tail_ = &w;
  w.state_ = waiter::state::queued;
}

void fair_lock::unlink(waiter& w) noexcept {
  (w.previous_ != nullptr ? w.previous_->next_ : head_) = w.next_;
  (w.next_ != nullptr ? w.next_->previous_ : tail_) = w.previous_;
  w.previous_ = w.next_ = nullptr;
}

// Takes the lock for the head of the queue where the holders allow it. The word changes under
// us only by readers that leave.
bool fair_lock::admit(kind k) noexcept {
  const std::uint64_t holders = word_.load(std::memory_order_acquire) & ~queued;
  if (k == kind::exclusive) {
    if (holders != 0) return false;
    word_.fetch_or(writer, std::memory_order_acq_rel);
  } else {
    if ((holders & writer) != 0) return false;
    word_.fetch_add(reader, std::memory_order_acq_rel);
  }
  return true;
}

void fair_lock::admit_from_queue(admission& admitted) noexcept {
  while (head_ != nullptr && admit(head_->kind_)) {
    waiter& w = *head_;
    unlink(w);
    w.state_ = waiter::state::granted;
    admitted.append(w);
  }
  if (head_ == nullptr) word_.fetch_and(~queued, std::memory_order_acq_rel);
}

void fair_lock::admission::append(waiter& w) noexcept {
  (last_ != nullptr ? last_->next_ : first_) = &w;
  last_ = &w;
}

// A waiter may be gone once it is told.
void fair_lock::admission::announce() noexcept {
  last_ = nullptr;
  while (first_ != nullptr) {
    waiter& w = *std::exchange(first_, first_->next_);
    w.granted();
  }
}

}  // namespace coramfs::detail
