// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <time.h>

#include <chrono>
#include <thread>

namespace coramfs::tests {

/// The earliest time that a call which begins now may give to a node.
inline std::chrono::system_clock::time_point earliest_node_time() {
#ifdef CLOCK_REALTIME_COARSE
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  const auto since_epoch = std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  return std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(since_epoch));
#else
  return std::chrono::system_clock::now();
#endif
}

/// The nodes' clock has moved on when this returns, so that no two actions fall on one tick.
inline void tick() {
  const auto now = earliest_node_time();
  while (earliest_node_time() == now) std::this_thread::yield();
}

}  // namespace coramfs::tests
