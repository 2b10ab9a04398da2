// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/fair_lock.hpp>
#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include <asio/awaitable.hpp>

#include <atomic>
#include <cstdint>

namespace coramfs::detail {

/// Waits in a coroutine until `lock`, which was found taken, is had.
///
/// Completes without suspending if it has become free. Errors: `would_block`, `timed_out`,
/// `canceled`, `out_of_memory`. `waiting`, if given, is one higher while it is in the queue.
asio::awaitable<result<lock_hold>> wait_for_lock(fair_lock& lock, fair_lock::kind kind,
                                                 lock_timeout longest,
                                                 std::atomic<std::uint64_t>* waiting = nullptr);

}  // namespace coramfs::detail
