// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/waiting.hpp>

#include "core/operation.hpp"

#include <chrono>

namespace coramfs::detail {

/// Runs an operation on the calling thread, which blocks where something is to be waited for. It
/// stands in the same queues as coroutines, and ends a wait that lasts too long with `timed_out`.
/// Where the operation would give others a turn it goes on at once.
template <operation Operation>
auto run_blocking(Operation op) {
  for (progress p; (p = op.advance()) != progress::done;) {
    if constexpr (waiting_operation<Operation>) {
      if (p != progress::waits) continue;
      const deadline until = op.patience().deadline(std::chrono::steady_clock::now());
      if (!block_on(op.awaited(), until, op.waiting())) op.refuse(errc::timed_out);
    }
  }
  return op.outcome();
}

}  // namespace coramfs::detail
