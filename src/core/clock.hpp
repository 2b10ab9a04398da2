// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <time.h>

#include <chrono>

namespace coramfs::detail {

/// Returns the time for a node's time stamps: that of the system clock's last tick, which is a few
/// milliseconds ago at most. It costs an eighth of the exact time, which is returned where there is
/// no such clock.
///
/// It goes back when the system's clock is set back, so a node that has a later time keeps that.
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
