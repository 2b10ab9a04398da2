// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>

namespace coramfs::bench {

/// How often this thread has allocated so far, by `malloc` or by whatever ends in it. Only in
/// programs that `counting_malloc.cpp` is part of.
std::size_t allocations_so_far() noexcept;

}  // namespace coramfs::bench
