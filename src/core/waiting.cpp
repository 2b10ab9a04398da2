// SPDX-License-Identifier: BSL-1.0
#include <coramfs/detail/waiting.hpp>

#include <coramfs/detail/blocking_ban.hpp>

#include "core/thread_lane.hpp"

#include <cassert>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace coramfs::detail {

namespace {

/// A blocked thread.
class thread_waiter final : public waiter {
 public:
  /// Returns whether it was granted before the deadline had passed.
  bool wait(const deadline& until) {
    std::unique_lock lock(mutex_);
    const auto granted = [this] { return granted_; };
    if (until) return wake_.wait_until(lock, *until, granted);
    wake_.wait(lock, granted);
    return true;
  }

 private:
  // Notifies under the mutex: once that is released the thread may return, and this object may be
  // gone.
  void granted() noexcept override {
    const std::lock_guard lock(mutex_);
    granted_ = true;
    wake_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  bool granted_ = false;  // guarded by mutex_
};

// Where this thread's announcements go while it has an `announcement_pause`. It is only a pointer,
// as an object with a destructor would take memory in each thread.
CORAMFS_NEAR_THREAD_LOCAL constinit thread_local admission* paused = nullptr;

constinit std::atomic<blocking_ban*> the_ban = nullptr;

}  // namespace

bool block_on(claim& c, const deadline& until, std::atomic<std::uint64_t>* waiting) noexcept {
  thread_waiter self;
  if (c.enqueue(self)) return true;
  const waiting_mark mark(waiting);
  if (blocking_ban::here() == nullptr && self.wait(until)) return true;
  admission others;
  if (c.withdraw(self, others)) return false;
  // The grant crossed the deadline and is on its way.
  return self.wait(std::nullopt);
}

void blocking_ban::set(blocking_ban& ban) noexcept {
  the_ban.store(&ban, std::memory_order_release);
}

blocking_ban* blocking_ban::here() noexcept {
  blocking_ban* const ban = the_ban.load(std::memory_order_acquire);
  return ban != nullptr && ban->is_here() ? ban : nullptr;
}

void admission::append(waiter& w) noexcept {
  (last_ != nullptr ? last_->next_ : first_) = &w;
  last_ = &w;
}

void admission::take(admission& others) noexcept {
  if (others.first_ == nullptr) return;
  (last_ != nullptr ? last_->next_ : first_) = others.first_;
  last_ = std::exchange(others.last_, nullptr);
  others.first_ = nullptr;
}

// A waiter may be gone once it is told, so the next one is looked up before that.
void admission::announce() noexcept {
  if (first_ == nullptr) return;
  if (paused != nullptr) return paused->take(*this);
  last_ = nullptr;
  while (first_ != nullptr) {
    waiter& w = *std::exchange(first_, first_->next_);
    w.granted();
  }
}

announcement_pause::announcement_pause() noexcept {
  if (paused == nullptr) paused = &untold_;
}

// The pause ends before `untold_` tells anybody: whoever is told may begin another pause.
announcement_pause::~announcement_pause() {
  if (paused == &untold_) paused = nullptr;
}

std::uint32_t wait_queue::size() const noexcept {
  constexpr std::uint32_t most = 1000;
  std::uint32_t count = 0;
  for (const waiter* w = head_; w != nullptr && count < most; w = w->next_) ++count;
  return count;
}

std::uint64_t wait_queue::all_want() const noexcept {
  std::uint64_t sum = 0;
  for (const waiter* w = head_; w != nullptr; w = w->next_) {
    if (w->wanted_ > UINT64_MAX - sum) return UINT64_MAX;
    sum += w->wanted_;
  }
  return sum;
}

void wait_queue::append(waiter& w, std::uint64_t wanted) noexcept {
  insert(w, wanted, tail_, nullptr);
}

void wait_queue::prepend(waiter& w, std::uint64_t wanted) noexcept {
  insert(w, wanted, nullptr, head_);
}

void wait_queue::insert_by_want(waiter& w, std::uint64_t wanted) noexcept {
  waiter* behind = tail_;
  waiter* in_front = head_;
  while (behind != nullptr && behind->wanted_ > wanted) {
    if (in_front->wanted_ > wanted) return insert(w, wanted, in_front->previous_, in_front);
    in_front = in_front->next_;
    behind = behind->previous_;
  }
  insert(w, wanted, behind, behind != nullptr ? behind->next_ : head_);
}

void wait_queue::insert(waiter& w, std::uint64_t wanted, waiter* previous, waiter* next) noexcept {
  assert(w.state_ != waiter::state::queued);
  w.wanted_ = wanted;
  w.previous_ = previous;
  w.next_ = next;
  (previous != nullptr ? previous->next_ : head_) = &w;
  (next != nullptr ? next->previous_ : tail_) = &w;
  w.state_ = waiter::state::queued;
}

void wait_queue::admit_head(admission& told) noexcept { told.append(take_head()); }

bool wait_queue::remove(waiter& w) noexcept {
  if (w.state_ != waiter::state::queued) return false;
  unlink(w);
  w.state_ = waiter::state::removed;
  return true;
}

waiter& wait_queue::take_head() noexcept {
  waiter& w = *head_;
  unlink(w);
  w.state_ = waiter::state::granted;
  return w;
}

void wait_queue::unlink(waiter& w) noexcept {
  (w.previous_ != nullptr ? w.previous_->next_ : head_) = w.next_;
  (w.next_ != nullptr ? w.next_->previous_ : tail_) = w.previous_;
  w.previous_ = w.next_ = nullptr;
}

}  // namespace coramfs::detail
