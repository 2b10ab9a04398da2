// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/blocking_ban.hpp>
#include <coramfs/detail/waiting.hpp>

#include "core/clock.hpp"
#include "core/operation.hpp"

namespace coramfs::detail {

/// Runs an operation on the calling thread, which blocks where something is to be waited for. It
/// stands in the same queues as coroutines, and ends a wait that lasts too long with `timed_out`,
/// and one that a `blocking_ban` does not let begin.
/// Where the operation would give others a turn it goes on at once.
template <operation Operation>
auto run_blocking(Operation op) {
  for (progress p; (p = op.advance()) != progress::done;) {
    if constexpr (waiting_operation<Operation>) {
      if (p != progress::waits) continue;
      const deadline until = op.patience().deadline(waiting_time());
      if (block_on(op.awaited(), until, op.waiting())) continue;
      if (blocking_ban* const ban = blocking_ban::here()) ban->refused(op.unmet(), nullptr);
      op.refuse(errc::timed_out);
    }
  }
  return op.outcome();
}

}  // namespace coramfs::detail
