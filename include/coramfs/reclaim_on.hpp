// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/export.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/reclaim.hpp>

#include <functional>

namespace coramfs {

/// A coroutine that is asked where a volume is full (`volume_options::reclaim`). It is spawned on
/// `executor` for each asking, with a file system there and with what is missing, and the requests
/// wait for its end. What it throws ends it, and is counted (`volume_stats::failed_reclaims`). It
/// is cancelled by nobody; if the executor's context is destroyed, it is destroyed, too, and the
/// requests are judged as they are then.
///
/// What it does with the volume asks nobody again and waits for no space, as long as it does that
/// on the executor of the file system that it is given. That runs what it is given where `executor`
/// does, but is not equal to it. Where `executor` runs something in the call, as `dispatch` may,
/// that counts as the coroutine's until it suspends for the first time. What it has others do
/// elsewhere is theirs, and may wait for its end: then only a timeout ends it. Nor does another
/// volume's callback know that it is asked on behalf of this one: two that make room in each
/// other's volumes may wait for each other, until a timeout.
///
/// Where the context has gone nobody is asked. Preconditions: it does not go while a call of the
/// volume begins on another thread; and whoever runs it does not block in a call of the volume that
/// is short of space, for such a call waits for this coroutine, until its timeout. The coroutine
/// does not own the volume, which has it among its options.
///
/// Throws `std::bad_alloc`, and for an empty executor what Asio throws.
///
///     coramfs::volume_options options;
///     asio::io_context context;
///     options.reclaim = coramfs::reclaim_on(
///         context.get_executor(),
///         [](coramfs::file_system there, coramfs::shortage) -> asio::awaitable<void> {
///           static_cast<void>(co_await there.remove_tree("/thumbnails"));
///         });
CORAMFS_EXPORT reclaim_callback
reclaim_on(asio::any_io_executor executor,
           std::function<asio::awaitable<void>(file_system, shortage)> coroutine);

/// `least_recently_used` (`coramfs/least_recently_used.hpp`) as a coroutine on an executor, to
/// which it gives others a turn after each slice of its work. Preconditions as those of
/// `reclaim_on`.
CORAMFS_EXPORT reclaim_callback least_recently_used_on(asio::any_io_executor executor,
                                                       least_recently_used_options options = {});

}  // namespace coramfs
