// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "core/lifetime.hpp"
#include "core/operation.hpp"
#include "storage/backlog.hpp"

#include <utility>

namespace coramfs::detail {

/// An operation that may give up much memory: it collects that, and frees it in turns before it
/// ends. By then `Operation` is done, and does not listen to a cancellation any more.
///
/// Guarded by whoever runs it: one thread at a time.
template <operation Operation>
class freeing_operation : public Operation {
 public:
  /// `volume` keeps the volume alive to the end, where the operation does not.
  explicit freeing_operation(Operation&& unbegun, life_hold volume = {}) noexcept
      : Operation(std::move(unbegun)), volume_(std::move(volume)) {}

  progress advance() noexcept {
    if (!is_done_) {
      const backlog::collecting collected(given_up_);
      const progress p = Operation::advance();
      if (p != progress::done) return p;
      is_done_ = true;
    }
    return given_up_.free_some() ? progress::yields : progress::done;
  }

 private:
  life_hold volume_;
  backlog given_up_;
  bool is_done_ = false;
};

}  // namespace coramfs::detail
