// SPDX-License-Identifier: BSL-1.0
#include "integrations/sqlite/lock_state.hpp"

#include <chrono>

namespace coramfs::sqlite::detail {

bool lock_state::raise(holder& by, lock_level to, lock_timeout patience) noexcept {
  if (to <= by.level_) return true;
  if (by.level_ == lock_level::none) {
    if (!gate_.try_lock(kind::shared)) {
      if (patience.is_immediate()) return false;
      const auto until = patience.deadline(std::chrono::steady_clock::now());
      if (!gate_.lock(kind::shared, until)) return false;
    }
    // At once: who has all of the readers' lock has the gate, too.
    readers_.lock(kind::shared);
    ++count_;
    gate_.unlock(kind::shared);
    by.level_ = lock_level::shared;
    return to == lock_level::shared || raise(by, to, patience);
  }
  if (by.level_ == lock_level::shared) {
    const holder* nobody = nullptr;
    if (!writer_.compare_exchange_strong(nobody, &by)) return false;
    ++reservations_;
    by.level_ = lock_level::reserved;
    if (to == lock_level::reserved) return true;
  }
  if (by.level_ == lock_level::reserved) {
    gate_.lock(kind::exclusive);
    by.level_ = lock_level::pending;
  }
  if (to == lock_level::pending) return true;
  if (count_.load() > 1) return false;
  by.level_ = lock_level::exclusive;
  return true;
}

// The reader is gone before the writer is: whoever writes next finds nobody to wait for.
void lock_state::lower(holder& by, lock_level to) noexcept {
  if (to >= by.level_) return;
  const lock_level from = by.level_;
  by.level_ = to;
  if (to == lock_level::none) {
    --count_;
    readers_.unlock(kind::shared);
  }
  if (from == lock_level::shared) return;
  writer_.store(nullptr);
  if (from >= lock_level::pending) gate_.unlock(kind::exclusive);
}

bool lock_state::keep_out(coramfs::detail::deadline until) noexcept {
  if (!gate_.lock(kind::exclusive, until)) return false;
  if (readers_.lock(kind::exclusive, until)) return true;
  gate_.unlock(kind::exclusive);
  return false;
}

void lock_state::let_in() noexcept {
  readers_.unlock(kind::exclusive);
  gate_.unlock(kind::exclusive);
}

}  // namespace coramfs::sqlite::detail
