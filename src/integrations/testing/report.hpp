// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/testing/outcome.hpp>
#include <coramfs/testing/schedule.hpp>

#include <chrono>
#include <string>

namespace coramfs::detail {

/// What a report says beside what has not ended.
struct circumstances {
  testing::schedule how;
  const testing::trace& taken;
  std::chrono::steady_clock::time_point start, now;
  bool is_ready = false;    ///< whether a task is
  bool is_blocked = false;  ///< whether the step would have blocked the thread
  /// When the next timer expires; the last of all times never comes.
  std::chrono::steady_clock::time_point next = std::chrono::steady_clock::time_point::max();
};

/// The report of a simulation that is stuck.
std::string report_of(const testing::outcome& o, const circumstances& c);

}  // namespace coramfs::detail
