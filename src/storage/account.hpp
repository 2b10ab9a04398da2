// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/path_argument.hpp>
#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include "core/fault_seam.hpp"
#include "core/memory_guard.hpp"
#include "core/quota.hpp"
#include "storage/block_memory.hpp"
#include "storage/file_reserve.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace coramfs::detail {

class storage;

/// What a file's content amounts to, in both ways of counting.
struct totals {
  std::uint64_t size = 0;       ///< bytes that a reader sees
  std::uint64_t footprint = 0;  ///< bytes taken from the machine
  std::uint64_t chunks = 0;
};

/// What a volume charges for what, and whom it asks before more is taken. A copy is cheap, and
/// belongs to one operation; what it refers to may be used by many threads at once.
class account {
 public:
  account(quota& limits, memory_guard& guard, block_memory& blocks, accounting counting,
          std::uint64_t promotion_limit, const fault_seam* faults = nullptr) noexcept
      : quota_(limits),
        guard_(guard),
        blocks_(blocks),
        promotion_limit_(promotion_limit),
        faults_(faults != nullptr && faults->has_policy() ? faults : nullptr),
        counting_(counting) {}

  charge of(const totals& content) const noexcept {
    const std::uint64_t payload = is_a_file_ ? content.size : 0;
    return {.bytes = counting_ == accounting::payload ? payload : content.footprint,
            .chunks = is_a_file_ ? content.chunks : 0};
  }
  /// Returns the bytes to charge for what is no file's content: nodes, names, directory tables.
  std::uint64_t of_metadata(std::uint64_t footprint) const noexcept {
    return counting_ == accounting::payload ? 0 : footprint;
  }

  /// Returns an account for a content that is paid for elsewhere: it refuses nothing and charges
  /// nothing.
  account prepaid() const noexcept {
    account a = *this;
    a.prepaid_ = true;
    a.faults_ = nullptr;  // they were asked for where it is paid
    return a;
  }

  /// Returns an account for an operation that was granted bytes beforehand, which it uses up first.
  account funded(grant& granted) const noexcept {
    account a = *this;
    a.granted_ = &granted;
    return a;
  }
  /// Whether it has bytes left that it was granted. They go on to others with a reservation that is
  /// not committed.
  bool is_funded() const noexcept { return granted_ != nullptr && granted_->bytes() > 0; }
  /// Returns an account for a content that is no file's: it has no payload and no chunks to be
  /// counted.
  account beside_files() const noexcept {
    account a = *this;
    a.is_a_file_ = false;
    return a;
  }

  /// Returns an account for a file of whose growth a part is paid for already. Operations are about
  /// that path, for the policy of faults; it must outlive the account.
  account with(file_reserve* ahead, const path_text& path) const noexcept {
    account a = *this;
    a.ahead_ = ahead;
    a.path_ = &path;
    return a;
  }
  /// Bytes: the file's memory is paid for up to this size. 0 if none is paid for ahead.
  std::uint64_t size_ahead() const noexcept {
    return is_a_file_ && ahead_ != nullptr ? ahead_->size : 0;
  }

  /// Whether what is paid for ahead is enough for a content of the file's.
  bool has_paid(const totals& content) const noexcept {
    return is_a_file_ && ahead_ != nullptr && of(content).bytes <= ahead_->price;
  }

  /// Returns an account for operations of one file's content, which owns the blocks that they make.
  /// Blocks of a content beside files are made without an owner.
  account for_content(storage& owner) const noexcept {
    account a = *this;
    a.owner_ = is_a_file_ ? &owner : nullptr;
    return a;
  }
  /// The owner of the blocks that are made. Null: they have none yet, and are never moved.
  storage* owner() const noexcept { return owner_; }

  /// Returns whether the charge depends on how much memory a content takes.
  bool counts_memory() const noexcept { return counting_ == accounting::memory; }

  /// Reserves what a content costs that turns from `before` into `after`, before anything is
  /// allocated.
  ///
  /// Errors: `quota_exceeded`.
  result<reservation> reserve(const totals& after, const totals& before) const noexcept {
    if (prepaid_) return reservation();
    const bill b = bill_of(after, before);
    BOOST_OUTCOME_TRY(auto paid, quota_.reserve(b.wanted, b.replaced, granted_));
    if (reserve_of_file() != nullptr) paid.report_ahead(&ahead_->left);
    return paid;
  }

  /// Turns a reservation into one for another content, in one step. Errors: `quota_exceeded`; the
  /// reservation is as before then.
  result<void> adjust(reservation& paid, const totals& after, const totals& before) const noexcept {
    const bill b = bill_of(after, before);
    return quota_.adjust(paid, b.wanted, b.replaced);
  }

  /// Reserves bytes of memory that are taken beside what is paid for, until the reservation goes.
  /// Errors: `quota_exceeded`.
  result<reservation> reserve_beside(std::uint64_t bytes) const noexcept {
    if (prepaid_ || !counts_memory()) return reservation();
    return quota_.reserve({.bytes = bytes});
  }

  /// Judges as `reserve` would, and reserves nothing. Errors: `quota_exceeded`.
  result<void> require(const totals& after, const totals& before) const noexcept {
    if (prepaid_) return boost::outcome_v2::success();
    const bill b = bill_of(after, before);
    return quota_.require(b.wanted, b.replaced, granted_);
  }

  /// Whether there is a policy of faults, which is to be asked.
  bool has_faults() const noexcept { return faults_ != nullptr; }
  // Precondition of these: there is one. The tree's lock is not held.
  /// Asks it before anything is reserved for a growth: the least that could be, where more is tried
  /// before. Errors: `quota_exceeded`.
  CORAMFS_COLD result<void> ask_reserving(const totals& after, const totals& before) const noexcept;
  /// Asks it before memory is allocated for that. Errors: `out_of_memory`.
  CORAMFS_COLD result<void> ask_allocating(const totals& after,
                                           const totals& before) const noexcept;

  /// Asks the guard about a growth that is reserved, once for each operation and before anything is
  /// allocated. The tree's lock is not held. Errors: `memory_guard`.
  result<void> approve(const totals& after, const totals& before) const {
    const std::uint64_t now = of(after).bytes, then = of(before).bytes;
    if (now <= then && after.size <= before.size) return boost::outcome_v2::success();
    if (faults_ != nullptr) [[unlikely]] {
      BOOST_OUTCOME_TRY(ask_guarding(after, before));
    }
    return approve(now, then);
  }
  /// Asks the guard, in the same way, about a growth from `then` charged bytes to `now`.
  result<void> approve(std::uint64_t now, std::uint64_t then) const {
    if (prepaid_ || !guard_.is_asked_per_write()) return boost::outcome_v2::success();
    // What is asked about is reserved already, so it is taken off what is promised.
    const std::uint64_t own = now > then ? now - then : 0;
    memory_guard::usage taken = usage();
    taken.promised -= std::min(taken.promised, own);
    return guard_.check(own, taken);
  }
  /// What the volume takes, for the guard. What is paid for ahead is in no reading yet.
  memory_guard::usage usage() const noexcept {
    const std::uint64_t promised = quota_.taken();
    const charge committed = quota_.read().committed;
    return {.charged = committed.bytes - committed.ahead, .promised = promised};
  }

  quota& limits() const noexcept { return quota_; }
  block_memory& blocks() const noexcept { return blocks_; }
  /// A chain of more than this many bytes never becomes a table.
  std::uint64_t promotion_limit() const noexcept { return promotion_limit_; }

 private:
  struct bill {
    charge wanted, replaced;
  };
  CORAMFS_COLD result<void> ask_guarding(const totals& after, const totals& before) const noexcept;
  std::string_view path() const noexcept;
  const file_reserve* reserve_of_file() const noexcept { return is_a_file_ ? ahead_ : nullptr; }
  // What is paid for ahead pays first, and has what is freed, up to its price.
  bill bill_of(const totals& after, const totals& before) const noexcept {
    bill b{of(after), of(before)};
    if (const file_reserve* const r = reserve_of_file()) {
      b.replaced.ahead = r->left;
      b.replaced.bytes += r->left;
      const std::uint64_t least = std::min(r->price, b.replaced.bytes);
      b.wanted.ahead = least - std::min(least, b.wanted.bytes);
      b.wanted.bytes += b.wanted.ahead;
    }
    return b;
  }

  quota& quota_;
  memory_guard& guard_;
  block_memory& blocks_;
  const std::uint64_t promotion_limit_;
  const fault_seam* faults_;  // null: there is no policy
  const path_text* path_ = nullptr;
  grant* granted_ = nullptr;
  file_reserve* ahead_ = nullptr;
  storage* owner_ = nullptr;
  const accounting counting_;
  bool prepaid_ = false;
  bool is_a_file_ = true;
};

}  // namespace coramfs::detail
