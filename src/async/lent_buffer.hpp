// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include <mutex>
#include <utility>

namespace coramfs::detail {

/// A caller's vector that an operation has taken over, and gives back if it fails while the
/// caller's is still sure to be there.
///
/// Thread safety: the operation may run on another thread than the one that ends the expression.
class lent_buffer {
 public:
  explicit lent_buffer(bytes& from) noexcept : content(std::move(from)), from_(&from) {}

  /// Does nothing behind the end of the expression, nor a second time.
  void give_back() noexcept {
    const std::lock_guard lock(mutex_);
    if (bytes* const to = std::exchange(from_, nullptr)) *to = std::move(content);
  }
  /// The expression ends.
  void keep() noexcept {
    const std::lock_guard lock(mutex_);
    from_ = nullptr;
  }

  /// The operation's own.
  bytes content;

 private:
  std::mutex mutex_;
  bytes* from_;  // guarded by mutex_
};

}  // namespace coramfs::detail
