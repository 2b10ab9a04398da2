// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <time.h>

#include <chrono>

namespace coramfs::detail {

/// The time that nodes bear: the system clock's as of its last tick, which is a few milliseconds
/// old at most, for an eighth of what the exact time costs. Where there is no such clock, the exact
/// one.
///
/// It goes back where the system's clock is set back: who has a time already takes the later one.
inline std::chrono::system_clock::time_point node_time() noexcept {
#ifdef CLOCK_REALTIME_COARSE
  timespec now;
  if (::clock_gettime(CLOCK_REALTIME_COARSE, &now) == 0) {
    const auto since_epoch =
        std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
    return std::chrono::system_clock::time_point(
        std::chrono::duration_cast<std::chrono::system_clock::duration>(since_epoch));
  }
#endif
  return std::chrono::system_clock::now();
}

}  // namespace coramfs::detail
