// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/clock.hpp>

#include <atomic>
#include <chrono>

namespace coramfs::tests {

/// A clock that stands still until somebody moves it.
class manual_clock final : public clock {
 public:
  std::chrono::system_clock::time_point system_now() const noexcept override { return system_; }
  std::chrono::steady_clock::time_point steady_now() const noexcept override { return steady_; }

  void set_system(std::chrono::system_clock::time_point to) noexcept { system_ = to; }
  void advance(std::chrono::steady_clock::duration by) noexcept {
    system_ = system_.load() + std::chrono::duration_cast<std::chrono::system_clock::duration>(by);
    steady_ = steady_.load() + by;
  }

 private:
  std::atomic<std::chrono::system_clock::time_point> system_{
      std::chrono::system_clock::time_point(std::chrono::hours(24 * 365))};
  std::atomic<std::chrono::steady_clock::time_point> steady_{
      std::chrono::steady_clock::time_point(std::chrono::hours(1))};
};

}  // namespace coramfs::tests
