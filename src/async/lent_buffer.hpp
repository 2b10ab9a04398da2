// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include <mutex>
#include <utility>

namespace coramfs::detail {

/// A caller's vector that an operation has taken over at the call. A failure gives it back while
/// the vector is still sure to be there, which is until the end of the expression that makes the
/// call.
///
/// Thread safety: the operation may run on another thread than the one that ends the expression, so
/// a mutex guards what both touch. Nothing is locked under it.
class lent_buffer {
 public:
  explicit lent_buffer(bytes& from) noexcept : content(std::move(from)), from_(&from) {}

  /// Gives the content back. It does nothing after the end of the expression, nor a second time.
  void give_back() noexcept {
    const std::lock_guard lock(mutex_);
    if (bytes* const to = std::exchange(from_, nullptr)) *to = std::move(content);
  }
  /// Called at the end of the expression: the operation keeps the content from now on.
  void keep() noexcept {
    const std::lock_guard lock(mutex_);
    from_ = nullptr;
  }

  /// Used by the operation alone.
  bytes content;

 private:
  std::mutex mutex_;
  bytes* from_;  // guarded by mutex_
};

}  // namespace coramfs::detail
