// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "core/lifetime.hpp"
#include "storage/block.hpp"
#include "storage/block_memory.hpp"

#include <cstddef>
#include <cstdint>

namespace coramfs::detail {

/// Makes the loans of one operation. Memory for many of them is taken in one step, and so are the
/// holds of another volume, one for each loan, added: by `hold_lenders`, before the first of the
/// loans goes, and before the lock of the file that has the source is let go. What that has may be
/// a loan of a third volume, which nobody else keeps alive.
///
/// Thread safety: one operation's own. Like all that takes memory it is used with no lock below the
/// tree's held.
class loan_maker {
 public:
  /// Memory comes from `to`, for `count` loans at most.
  loan_maker(block_memory& to, std::size_t count) noexcept : to_(to), left_(count) {}
  loan_maker(const loan_maker&) = delete;
  loan_maker& operator=(const loan_maker&) = delete;
  /// Precondition: `hold_lenders` for all that were made.
  ~loan_maker();

  /// Adds the holds for all loans that there are by now.
  void hold_lenders() noexcept {
    if (held_ != nullptr) held_->add_loans(holds_);
    holds_ = 0;
  }
  /// Makes a loan of the first `size` bytes of a block of any volume, or of what that is a loan of.
  /// Null: memory is refused.
  block* take(block& of, std::size_t size) noexcept;

 private:
  static constexpr std::size_t at_once = 64;

  void* take_piece() noexcept;
  void hold(lifetime& of) noexcept {
    if (held_ != &of) hold_lenders();
    held_ = &of;
    ++holds_;
  }

  block_memory& to_;
  std::size_t left_;  // loans that are yet to be made
  free_piece* pieces_ = nullptr;
  lifetime* held_ = nullptr;
  std::uint64_t holds_ = 0;
};

}  // namespace coramfs::detail
