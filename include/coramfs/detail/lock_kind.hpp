// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace coramfs::detail {

/// How a fair_lock is held. It has a file of its own since those who have a file open hold its
/// lock, and need no more than this of it.
enum class lock_kind : unsigned char { shared, exclusive, moving };

}  // namespace coramfs::detail
