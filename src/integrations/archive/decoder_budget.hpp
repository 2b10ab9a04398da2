// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/held_charge.hpp>
#include <coramfs/result.hpp>
#include <coramfs/volume.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace coramfs::detail {

/// What a decoder may take of memory, and what the volume is charged for that: its fixed part from
/// the beginning, and what the formats and members at hand have declared so far. It goes back with
/// this object.
///
/// Thread safety: one thread at a time.
class decoder_budget {
 public:
  /// `path` is what the charge is for, to the policy of faults.
  decoder_budget(volume of, std::string path, std::uint64_t most) noexcept
      : of_(std::move(of)), path_(std::move(path)), most_(most) {}

  /// Pays for the fixed part, before anything is decoded. Errors: those of `held_charge`.
  result<void> begin();
  /// Asks for what a dictionary, a window or the like takes, before a decoder is shown that it is
  /// wanted. Only the largest counts. Errors: `unsupported_archive` for more than there may be;
  /// those of `held_charge`. Throws `std::bad_alloc`.
  result<void> require(std::uint64_t declared);
  /// Pays for what is remembered of an archive until it is all there, such as names. It is not
  /// limited by the budget, but by the quota. Errors and exceptions: as `require`.
  result<void> remember(std::uint64_t size);
  /// Whether so much may be kept of what has no other end than its sender gives it: no more than a
  /// decoder may take, also where none of it is charged, but as much as the fixed part in any case.
  bool may_keep(std::uint64_t size) const noexcept;

 private:
  result<void> pay(std::uint64_t up_to);

  const volume of_;
  const std::string path_;
  const std::uint64_t most_;
  std::uint64_t largest_ = 0, paid_ = 0;
  std::uint64_t remembered_ = 0, paid_for_names_ = 0;
  std::vector<held_charge> held_;
};

}  // namespace coramfs::detail
