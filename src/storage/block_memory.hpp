// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/options.hpp>

#include "core/quota.hpp"

#include <cstdint>

namespace coramfs::detail {

/// Where the blocks of a volume come from.
///
/// Thread safety: all members may be called from many threads at once.
class block_memory {
 public:
  block_memory(quota& limits, accounting counting) noexcept
      : quota_(limits), counting_(counting) {}
  block_memory(const block_memory&) = delete;
  block_memory& operator=(const block_memory&) = delete;

  /// Gives back the charge of a block that no file has paid for any more when it went.
  void give_back(std::uint64_t footprint) noexcept {
    if (counting_ == accounting::memory) quota_.release({.bytes = footprint});
  }

 private:
  quota& quota_;
  const accounting counting_;
};

}  // namespace coramfs::detail
