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

/// How an operation comes by its bytes and nodes where there are too few. An attempt that finds no
/// room is made again when the volume's callback has been asked to make some, if there is one; and
/// with `when_full::wait` when the quota has granted as many bytes as were missing.
///
/// Thread safety: one operation's own.
class funding {
 public:
  /// `of` may be null for an operation that never waits.
  funding(quota* of, when_full on_full, lock_timeout patience) noexcept
      : quota_(of), patience_(patience), on_full_(on_full) {}

  when_full on_full() const noexcept { return on_full_; }
  lock_timeout patience() const noexcept { return patience_; }

  /// Returns whether an attempt failed with what can be waited for, or asked about. After any other
  /// error, do not look at the file: the attempt may have failed before the file was the caller's.
  bool may_wait_after(const error& e) const noexcept { return waits_after(e) || asks_after(e); }

  /// Returns what to wait for after an attempt that failed with `e`. The operation keeps it until
  /// it is had or given up; it refers to this object. Returns nothing if no wait can help, since
  /// the bytes asked for, and the `own` ones that are charged already and stay, are more than the
  /// quota. No lock may be held but those of files: the callback may be called in here.
  std::optional<space_claim> claim_after(const error& e, std::uint64_t own) noexcept;
  /// The wait is over: takes over the bytes.
  void granted(space_claim& had) noexcept;

  /// The bytes that were waited for, which the next attempt uses up.
  detail::grant& grant() noexcept { return grant_; }

  /// Takes back the reservation of a failed attempt, which had used the grant up. An operation that
  /// has waited keeps its bytes: it waits for more in front of all others, who must not be served
  /// with them meanwhile.
  void take_back(reservation failed) noexcept {
    if (has_waited_) grant_ = failed.give_up();
  }

 private:
  bool waits_after(const error& e) const noexcept {
    return on_full_ == when_full::wait && !patience_.is_immediate() && e == errc::quota_exceeded;
  }
  bool asks_after(const error& e) const noexcept;
  bool can_ever_fit(const error& e, std::uint64_t own) const noexcept;

  quota* quota_;
  lock_timeout patience_;
  when_full on_full_;
  bool has_waited_ = false;  // and has what it was granted, or has used it up
  // Whether the callback was asked on its behalf.
  bool has_asked_for_bytes_ = false, has_asked_for_nodes_ = false;
  detail::grant grant_;
};

}  // namespace coramfs::detail
