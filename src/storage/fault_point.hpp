// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace coramfs::detail {

/// Whether a request for a piece of the volume's memory is refused that could be had.
bool memory_is_refused() noexcept;

}  // namespace coramfs::detail
