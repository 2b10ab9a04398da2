// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>

namespace coramfs::tests {

/// The largest size up to `limit` that fits, where whatever is smaller than one that fits does
/// too. 0 is taken to fit.
template <class Fits>
std::uint64_t largest_that_fits(std::uint64_t limit, Fits fits) {
  std::uint64_t largest = 0;
  while (largest < limit) {
    const std::uint64_t size = limit - (limit - largest) / 2;
    if (fits(size)) {
      largest = size;
    } else {
      limit = size - 1;
    }
  }
  return largest;
}

}  // namespace coramfs::tests
