// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/fair_lock.hpp>
#include <coramfs/rw_lock.hpp>

#include "core/operation.hpp"

#include <atomic>
#include <cstdint>
#include <utility>

namespace coramfs::detail {

/// The acquisition of an `rw_lock`, as an operation that ends with a `Hold`: it takes the lock at
/// once, or waits for it in the lock's queue.
///
/// Guarded by whoever runs it: one thread at a time.
template <class Hold>
class lock_operation {
 public:
  lock_operation(fair_lock& lock, fair_lock::kind kind, lock_timeout patience) noexcept
      : lock_(lock), kind_(kind), patience_(patience), claim_(lock, kind) {}

  progress advance() noexcept {
    if (!status_) return progress::done;
    if (std::exchange(awaits_, false) || lock_.try_lock(kind_)) {
      hold_ = lock_hold(lock_, kind_);
    } else if (patience_.is_immediate()) {
      status_ = errc::would_block;
    } else {
      awaits_ = true;
      return progress::waits;
    }
    return progress::done;
  }
  claim& awaited() noexcept { return claim_; }
  lock_timeout patience() const noexcept { return patience_; }
  std::atomic<std::uint64_t>* waiting() const noexcept { return nullptr; }
  void refuse(const error& why) noexcept { status_ = why; }
  error unmet() const noexcept { return errc::timed_out; }
  const void* awaited_lock() const noexcept { return &lock_; }
  result<Hold> outcome() noexcept {
    if (!status_) return status_.error();
    return Hold(std::move(hold_));
  }

 private:
  fair_lock& lock_;
  const fair_lock::kind kind_;
  const lock_timeout patience_;
  lock_claim claim_;
  bool awaits_ = false;
  lock_hold hold_;
  result<void> status_ = boost::outcome_v2::success();
};

}  // namespace coramfs::detail
