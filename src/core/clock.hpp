// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/clock.hpp>

#include <time.h>

#include <chrono>

namespace coramfs::detail {

/// Returns the time of the system clock's last tick, which is a few milliseconds ago at most. It
/// costs an eighth of the exact time, which is returned where there is no such clock.
inline std::chrono::system_clock::time_point coarse_system_time() noexcept {
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

/// Returns the time by which threads wait, and contexts that have no time of their own.
inline std::chrono::steady_clock::time_point waiting_time() noexcept {
  return std::chrono::steady_clock::now();
}

/// Returns the time of the steady clock's last tick.
inline std::chrono::steady_clock::time_point coarse_steady_time() noexcept {
#ifdef CLOCK_MONOTONIC_COARSE
  timespec now;
  if (::clock_gettime(CLOCK_MONOTONIC_COARSE, &now) == 0)
    return std::chrono::steady_clock::time_point(std::chrono::seconds(now.tv_sec) +
                                                 std::chrono::nanoseconds(now.tv_nsec));
#endif
  return waiting_time();
}

/// What a volume reads the time from: the user's clock, or the system's where there is none.
///
/// Deadlines are not among it. They belong to the thread or the context that waits
/// (`waiting_time`, `context_time`).
///
/// Thread safety: as that of the user's clock, which the volume's options keep alive.
class volume_clock {
 public:
  explicit volume_clock(const clock* users = nullptr) noexcept : users_(users) {}

  /// The time for a node's time stamps. It may go back, so a node that has a later time keeps that.
  std::chrono::system_clock::time_point node_time() const noexcept {
    if (users_ != nullptr) [[unlikely]]
      return users_->system_now();
    return coarse_system_time();
  }
  /// The time since when something has been, for what is only shown to people.
  std::chrono::steady_clock::time_point since() const noexcept {
    if (users_ != nullptr) [[unlikely]]
      return users_->steady_now();
    return coarse_steady_time();
  }
  /// The time to measure durations by.
  std::chrono::steady_clock::time_point now() const noexcept {
    return users_ != nullptr ? users_->steady_now() : std::chrono::steady_clock::now();
  }
  /// The user's clock, or null.
  const clock* users() const noexcept { return users_; }

 private:
  const clock* users_;
};

}  // namespace coramfs::detail
