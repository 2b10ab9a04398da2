// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "core/operation.hpp"

#include <utility>

namespace coramfs::detail {

/// An operation that lets others have a turn before it begins, if that is due: because those before
/// it on the same handle have done a few slices' work, each in one go. A cancellation during that
/// turn is ignored, since the operation itself may need no wait.
///
/// Guarded by whoever runs it: one thread at a time.
template <operation Operation>
class in_turn : public Operation {
 public:
  template <class... Arguments>
  explicit in_turn(bool is_due, Arguments&&... of)
      : Operation(std::forward<Arguments>(of)...), is_due_(is_due) {}

  progress advance() noexcept {
    if (std::exchange(is_due_, false)) return progress::yields;
    has_begun_ = true;
    return Operation::advance();
  }
  void refuse(const error& why) noexcept {
    if (has_begun_) Operation::refuse(why);
  }

 private:
  bool is_due_;
  bool has_begun_ = false;
};

}  // namespace coramfs::detail
