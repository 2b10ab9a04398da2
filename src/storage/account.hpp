// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include "core/memory_guard.hpp"
#include "core/quota.hpp"
#include "storage/block_memory.hpp"

#include <cstdint>

namespace coramfs::detail {

class storage;

/// What a file's content amounts to, in both ways of counting.
struct extent {
  std::uint64_t size = 0;       ///< bytes that a reader sees
  std::uint64_t footprint = 0;  ///< bytes taken from the machine
  std::uint64_t chunks = 0;
};

/// What a volume charges for what, and whom it asks before more is taken. A copy is cheap, and
/// belongs to one operation; what it refers to may be used by many threads at once.
class account {
 public:
  account(quota& limits, memory_guard& guard, block_memory& blocks, accounting counting,
          std::uint64_t promotion_limit) noexcept
      : quota_(limits),
        guard_(guard),
        blocks_(blocks),
        counting_(counting),
        promotion_limit_(promotion_limit) {}

  charge of(const extent& content) const noexcept {
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
    return a;
  }

  /// Returns an account for an operation that was granted bytes beforehand, which it uses up first.
  account funded(grant& granted) const noexcept {
    account a = *this;
    a.granted_ = &granted;
    return a;
  }
  /// Returns an account for a content that is no file's: it has no payload and no chunks to be
  /// counted.
  account beside_files() const noexcept {
    account a = *this;
    a.is_a_file_ = false;
    return a;
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
  result<reservation> reserve(const extent& after, const extent& before) const noexcept {
    if (prepaid_) return reservation();
    return quota_.reserve(of(after), of(before), granted_);
  }

  /// Reserves bytes of memory that are taken beside what is paid for, until the reservation goes.
  /// Errors: `quota_exceeded`.
  result<reservation> reserve_beside(std::uint64_t bytes) const noexcept {
    if (prepaid_ || !counts_memory()) return reservation();
    return quota_.reserve({.bytes = bytes});
  }

  /// Judges as `reserve` would, and reserves nothing. Errors: `quota_exceeded`.
  result<void> require(const extent& after, const extent& before) const noexcept {
    if (prepaid_) return boost::outcome_v2::success();
    return quota_.require(of(after), of(before), granted_);
  }

  /// Asks the guard about a growth that is reserved, once for each operation and before anything is
  /// allocated. The tree's lock is not held. Errors: `memory_guard`.
  result<void> approve(const extent& after, const extent& before) const {
    const std::uint64_t now = of(after).bytes, then = of(before).bytes;
    if (now <= then && after.size <= before.size) return boost::outcome_v2::success();
    return approve(now, then);
  }
  /// Asks the guard, in the same way, about a growth from `then` charged bytes to `now`.
  result<void> approve(std::uint64_t now, std::uint64_t then) const {
    if (prepaid_ || !guard_.is_asked_per_write()) return boost::outcome_v2::success();
    // What is asked about is reserved already, so it is taken off what is promised.
    const std::uint64_t own = now > then ? now - then : 0;
    const std::uint64_t promised = quota_.taken();
    return guard_.check(own, {.charged = quota_.read().committed.bytes,
                              .promised = promised > own ? promised - own : 0});
  }

  quota& limits() const noexcept { return quota_; }
  block_memory& blocks() const noexcept { return blocks_; }
  /// A chain of more than this many bytes never becomes a table.
  std::uint64_t promotion_limit() const noexcept { return promotion_limit_; }

 private:
  quota& quota_;
  memory_guard& guard_;
  block_memory& blocks_;
  const accounting counting_;
  const std::uint64_t promotion_limit_;
  bool prepaid_ = false;
  grant* granted_ = nullptr;
  bool is_a_file_ = true;
  storage* owner_ = nullptr;
};

}  // namespace coramfs::detail
