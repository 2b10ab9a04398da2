// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>

#include <memory>

namespace coramfs::detail {

class lent_buffer;

/// Tells an operation when the expression ends that called it. As a default argument it lives until
/// then, as long as a temporary that the call was given; an awaitable may run long after that.
///
/// So an operation takes such an argument over at the call. If it fails within the expression, as
/// under a `co_await`, it gives it back; from the end of the expression on it keeps it.
class call_scope {
 public:
  CORAMFS_EXPORT call_scope() noexcept;
  call_scope(const call_scope&) = delete;
  call_scope& operator=(const call_scope&) = delete;
  CORAMFS_EXPORT ~call_scope();

  /// Has `lent` keep what it was given from the end of the expression on.
  void end_with(std::shared_ptr<lent_buffer> lent) noexcept;

 private:
  std::shared_ptr<lent_buffer> lent_;
};

}  // namespace coramfs::detail
