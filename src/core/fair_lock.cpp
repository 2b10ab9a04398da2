// SPDX-License-Identifier: BSL-1.0
#include <coramfs/detail/fair_lock.hpp>

#include <cassert>

namespace coramfs::detail {

fair_lock::~fair_lock() { assert(is_idle() && queue_.empty()); }

bool fair_lock::wait(kind k, const deadline& until, std::atomic<std::uint64_t>* waiting) noexcept {
  lock_claim wanted(*this, k);
  return block_on(wanted, until, waiting);
}

bool fair_lock::enqueue(waiter& w, kind k) noexcept {
  const std::lock_guard lock(mutex_);
  // From here on no one takes the lock past the queue; who held it before comes to `mutex_`
  // when it releases.
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

// Of a lock that a writer, or the last reader, has just left; or which a writer is still to leave.
void fair_lock::hand_over([[maybe_unused]] std::uint64_t seen) noexcept {
  assert(seen < reader && (seen & queued) != 0);
  admission next;
  const std::lock_guard lock(mutex_);
  word_.fetch_and(~(seen & writer), std::memory_order_acq_rel);
  admit_from_queue(next);
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
  while (!queue_.empty() && admit(static_cast<kind>(queue_.head_wants())))
    queue_.admit_head(admitted);
  if (queue_.empty()) word_.fetch_and(~queued, std::memory_order_acq_rel);
}

}  // namespace coramfs::detail
