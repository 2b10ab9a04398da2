// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "integrations/testing/virtual_clock.hpp"

#include <cstddef>
#include <cstdint>

namespace coramfs::detail {

/// Numbers by a seed.
class dice {
 public:
  explicit dice(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t roll() noexcept { return mixed(state_ += 0x9e3779b97f4a7c15); }
  /// From 1 to `most`, which is not 0.
  std::size_t up_to(std::size_t most) noexcept {
    return 1 + static_cast<std::size_t>(roll() % most);
  }
  /// Returns true as often as `rate` says, which is from 0 to 1.
  bool falls(double rate) noexcept {
    constexpr double all = 18446744073709551616.0;  // how many numbers there are
    return rate > 0 && static_cast<double>(roll()) < rate * all;
  }

 private:
  std::uint64_t state_;
};

}  // namespace coramfs::detail
