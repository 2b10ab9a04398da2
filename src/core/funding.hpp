// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/waiting.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include "core/quota.hpp"

#include <cstdint>
#include <optional>
#include <utility>

namespace coramfs::detail {

/// How an operation with `when_full::wait` comes by its bytes: an attempt that finds no room is
/// made again when the quota has granted as many as were missing.
///
/// Thread safety: one operation's own.
class funding {
 public:
  /// `of` may be none where nothing is ever waited for.
  funding(quota* of, when_full on_full, lock_timeout patience) noexcept
      : quota_(of),
        patience_(patience),
        may_wait_(on_full == when_full::wait && !patience.is_immediate()) {}

  lock_timeout patience() const noexcept { return patience_; }

  /// Whether an attempt failed for what can be waited for at all. Anything else may have failed
  /// before the file was the caller's to look at.
  bool may_wait_after(const error& e) const noexcept {
    return may_wait_ && e == errc::quota_exceeded;
  }

  /// What to wait for after an attempt that failed with `e`: for the operation to keep until it is
  /// had, or given up. None if the bytes asked for and the `own` ones, which are charged already
  /// and stay, are more than there ever can be.
  std::optional<space_claim> claim_after(const error& e, std::uint64_t own) noexcept {
    if (!may_wait_after(e)) return {};
    const std::uint64_t most = quota_->max_bytes();
    if (own > most || e.requested() > most - own) return {};
    detail::grant* const had = std::exchange(has_waited_, true) ? &grant_ : nullptr;
    return space_claim(*quota_, e.requested(), had);
  }
  /// The wait is over, and the bytes are had.
  void granted(space_claim& had) noexcept { grant_ = had.take(); }

  /// What the next attempt may use up.
  detail::grant& grant() noexcept { return grant_; }

  /// An attempt has failed that had used it up. Who has waited keeps its bytes: it waits for more
  /// in front of all others, who must not be served with them meanwhile.
  void take_back(reservation failed) noexcept {
    if (has_waited_) grant_ = failed.give_up();
  }

 private:
  quota* quota_;
  lock_timeout patience_;
  bool may_wait_;
  bool has_waited_ = false;
  detail::grant grant_;
};

}  // namespace coramfs::detail
