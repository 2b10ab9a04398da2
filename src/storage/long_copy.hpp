// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

namespace coramfs::detail {

/// Copies as `std::memcpy` does, past the caches where the processor can: for bytes that are
/// many, and that go to memory which has been used before. What is copied to is then not read
/// first, and what is in the caches stays there. Fresh memory and short pieces lose by it.
void long_copy(std::byte* to, const std::byte* from, std::size_t size) noexcept;

/// Bytes of one write from which on it gains, as measured: pieces of 256 KiB and more.
inline constexpr std::size_t long_copy_from = 256 * 1024;

}  // namespace coramfs::detail
