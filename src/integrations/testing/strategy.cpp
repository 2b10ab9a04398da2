// SPDX-License-Identifier: BSL-1.0
#include <coramfs/testing/strategy.hpp>

namespace coramfs::testing {

schedule strategy::of(std::uint64_t seed, std::uint32_t steps) const {
  if (always_) return *always_;
  if (by_seed_) return by_seed_(seed);
  if (seed == 0) return schedule::fifo();
  if (seed % 2 != 0) return schedule::uniform(seed);
  return schedule::pct(seed, seed % 4 == 2 ? 3 : 2, steps);
}

}  // namespace coramfs::testing
