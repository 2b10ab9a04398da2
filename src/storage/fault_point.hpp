// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace coramfs::detail {

/// Returns whether a request for memory of the volume is to be refused though it could be had. Only
/// tests say so.
bool memory_is_refused() noexcept;

}  // namespace coramfs::detail
