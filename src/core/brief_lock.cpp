// SPDX-License-Identifier: BSL-1.0
#include "core/brief_lock.hpp"

namespace coramfs::detail {

namespace {

// How often to look before sleeping. That takes some microseconds: longer than a section, shorter
// than a change of threads.
constexpr int looks = 60;

}  // namespace

/// A waiting thread, on its own stack. It leaves the queue only under the mutex, so whoever wakes
/// it under the mutex finds it alive.
struct brief_lock::sleeper {
  const kind wants;
  sleeper* next = nullptr;
  std::atomic<std::uint32_t> is_woken{0};

  void sleep() const noexcept { is_woken.wait(0, std::memory_order_acquire); }
  void wake() noexcept {
    is_woken.store(1, std::memory_order_release);
    is_woken.notify_one();
  }
};

void brief_lock::enter(kind k) noexcept {
  for (int i = 0; i < looks; ++i) {
    if (try_enter(k)) return;
    spin_pause();
  }
  wait(k);
}

bool brief_lock::try_enter(kind k) noexcept {
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  while (admits(seen, k) && (seen & overtakes) != overtakes) {
    const std::uint64_t entered = seen + weight(k) + ((seen & waiting) != 0 ? overtake : 0);
    if (word_.compare_exchange_weak(seen, entered, std::memory_order_acquire,
                                    std::memory_order_relaxed))
      return true;
  }
  return false;
}

void brief_lock::wait(kind k) noexcept {
  sleeper self{k};
  std::unique_lock lock(mutex_);
  (tail_ != nullptr ? tail_->next : head_) = &self;
  tail_ = &self;
  word_.fetch_or(waiting, std::memory_order_relaxed);
  while (head_ != &self || !admit_head()) {
    lock.unlock();
    self.sleep();
    await_free(k);
    lock.lock();
    self.is_woken.store(0, std::memory_order_relaxed);
  }
}

// Spins for a moment after a wake-up: if the lock was taken again meanwhile, it is likely to be
// free soon, and another sleep costs more.
void brief_lock::await_free(kind k) const noexcept {
  for (int i = 0; i < looks && !admits(word_.load(std::memory_order_relaxed), k); ++i) spin_pause();
}

// Called under the mutex. Returns whether the head of the queue has the lock now. If it has not,
// `asleep` is set, and whoever makes the lock free wakes the head.
bool brief_lock::admit_head() noexcept {
  sleeper* const next = head_->next;
  const kind k = head_->wants;
  // The next in the queue is asleep, and nobody has passed it as the head yet: its overtakes are
  // counted from 0.
  const std::uint64_t rest = next != nullptr ? waiting | asleep : 0;
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  for (bool is_free = false; !is_free;) {
    is_free = admits(seen, k);
    const std::uint64_t wanted = is_free ? (seen & holders) + weight(k) + rest : seen | asleep;
    if (!word_.compare_exchange_weak(seen, wanted, std::memory_order_acquire,
                                     std::memory_order_relaxed))
      is_free = false;
    else if (!is_free)
      return false;
  }
  const bool is_next_free = next != nullptr && k == kind::shared && next->wants == k;
  head_ = next;
  if (next == nullptr) tail_ = nullptr;
  if (is_next_free) {
    word_.fetch_and(~asleep, std::memory_order_relaxed);
    next->wake();
  }
  return true;
}

void brief_lock::wake_head() noexcept {
  const std::lock_guard lock(mutex_);
  if (head_ == nullptr || (word_.fetch_and(~asleep, std::memory_order_relaxed) & asleep) == 0)
    return;
  head_->wake();
}

}  // namespace coramfs::detail
