// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

namespace coramfs::detail {

/// Copies as `std::memcpy` does, but past the caches where the processor can: the target is not
/// read first, and what is in the caches stays there. It is for many bytes that go to memory which
/// has been used before; fresh memory and short pieces are slower by it.
void long_copy(std::byte* to, const std::byte* from, std::size_t size) noexcept;

/// A write of so many bytes or more is faster by it, as measured with pieces of 256 KiB and more.
inline constexpr std::size_t long_copy_from = 256 * 1024;

}  // namespace coramfs::detail
