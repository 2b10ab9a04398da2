// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "core/quota.hpp"
#include "storage/block_memory.hpp"

#include <cstdint>
#include <optional>

namespace coramfs::tests {

/// Memory for nodes that are in no volume.
struct memory {
  detail::small_memory& small() noexcept { return blocks.small(); }

  detail::quota limits{std::uint64_t{1} << 30, std::nullopt};
  detail::block_memory blocks{limits, accounting::memory, std::uint64_t{1} << 30};
};

}  // namespace coramfs::tests
