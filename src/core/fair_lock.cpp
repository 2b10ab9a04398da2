// SPDX-License-Identifier: BSL-1.0
#include <coramfs/detail/fair_lock.hpp>

#include <coramfs/detail/blocking_ban.hpp>

#include <cassert>

namespace coramfs::detail {

fair_lock::~fair_lock() { assert((is_idle() || is_retired()) && queue_.empty()); }

std::uint32_t fair_lock::waiters() const noexcept {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

bool fair_lock::wait(kind k, const deadline& until, std::atomic<std::uint64_t>* waiting) noexcept {
  lock_claim wanted(*this, k);
  if (block_on(wanted, until, waiting)) return true;
  if (blocking_ban* const ban = blocking_ban::here()) {
    ban->refused(errc::timed_out, this);
    if (!until) ban->refused_for_good();
  }
  return false;
}

// Where nobody has the lock the word is 0, so a mover beside others finds their bit in it.
bool fair_lock::try_lock_moving() noexcept {
  std::uint64_t seen = word_.load(std::memory_order_relaxed);
  while (seen == 0 || (seen & (movers | queued)) == movers) {
    if (word_.compare_exchange_weak(seen, (seen | movers) + reader, std::memory_order_acquire,
                                    std::memory_order_relaxed))
      return true;
  }
  return false;
}

void fair_lock::unlock_moving() noexcept {
  std::uint64_t seen = word_.load(std::memory_order_relaxed), rest = 0;
  do {
    if ((seen & queued) != 0) return hand_over(kind::moving);
    assert((seen & movers) != 0);
    rest = seen - reader;
    if (rest == movers) rest = 0;
  } while (!word_.compare_exchange_weak(seen, rest, std::memory_order_release,
                                        std::memory_order_relaxed));
}

bool fair_lock::enqueue(waiter& w, kind k) noexcept {
  const std::lock_guard lock(mutex_);
  if (is_retired()) return true;
  // From here on nobody takes the lock past the queue, and its holders need `mutex_` to let go.
  word_.fetch_or(queued, std::memory_order_acq_rel);
  queue_.append(w, static_cast<std::uint64_t>(k));
  if (!queue_.is_head(w) || !admit(k)) return false;
  queue_.admit_head();
  word_.fetch_and(~queued, std::memory_order_acq_rel);
  return true;
}

bool fair_lock::remove(waiter& w, admission& others) noexcept {
  const std::lock_guard lock(mutex_);
  if (!queue_.remove(w)) return false;
  admit_from_queue(others);
  return true;
}

void fair_lock::retire() noexcept {
  admission all;
  const std::lock_guard lock(mutex_);
  word_.fetch_or(retired | queued, std::memory_order_acq_rel);
  while (!queue_.empty()) queue_.admit_head(all);
}

// Lets go for a holder that found others in the queue. It does so under the mutex, and what becomes
// free goes to the head of the queue in the same step: nobody who could end the lock's life has it
// while this still needs the mutex. If the others have left the queue meanwhile, it lets go as if
// they had never come, without the mutex.
void fair_lock::hand_over(kind k) noexcept {
  {
    admission next;
    const std::lock_guard lock(mutex_);
    if (is_retired()) return;
    if (!queue_.empty()) {
      const std::uint64_t one = k == kind::exclusive ? writer : reader;
      const std::uint64_t before = word_.fetch_sub(one, std::memory_order_acq_rel);
      assert(k == kind::exclusive ? (before & writer) != 0 : before >= reader);
      if (before - one == (movers | queued)) word_.fetch_and(~movers, std::memory_order_acq_rel);
      admit_from_queue(next);
      return;
    }
  }
  unlock(k);
}

// Called under the mutex. Takes the lock for the head of the queue if its holders allow that.
// Nobody else takes it or lets go of it meanwhile, since the word says that there is a queue.
bool fair_lock::admit(kind k) noexcept {
  const std::uint64_t holders = word_.load(std::memory_order_acquire) & ~queued;
  switch (k) {
    case kind::exclusive:
      if (holders != 0) return false;
      word_.fetch_or(writer, std::memory_order_acq_rel);
      break;
    case kind::shared:
      if ((holders & (writer | movers)) != 0) return false;
      word_.fetch_add(reader, std::memory_order_acq_rel);
      break;
    case kind::moving:
      if (holders != 0 && (holders & movers) == 0) return false;
      word_.fetch_or(movers, std::memory_order_acq_rel);
      word_.fetch_add(reader, std::memory_order_acq_rel);
      break;
  }
  return true;
}

void fair_lock::admit_from_queue(admission& admitted) noexcept {
  while (!queue_.empty() && admit(static_cast<kind>(queue_.head_wants())))
    queue_.admit_head(admitted);
  if (queue_.empty()) word_.fetch_and(~queued, std::memory_order_acq_rel);
}

}  // namespace coramfs::detail
