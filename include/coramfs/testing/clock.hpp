// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>

#include <chrono>

namespace coramfs::testing {

/// The time of a `simulation`, as a clock for code that has the clock as a template parameter, or
/// names it by an alias. Its times are those of `std::chrono::steady_clock`, so that the code under
/// test needs no other types.
///
///     template <class Clock = std::chrono::steady_clock>
///     class cache { typename Clock::time_point checked_ = Clock::now(); };
///
///     cache<coramfs::testing::clock> c;
struct clock {
  /// As `std::chrono::steady_clock` has them.
  /// @{
  using duration = std::chrono::steady_clock::duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr bool is_steady = true;
  /// @}

  /// The time of the simulation whose step the calling thread runs. Outside of any step it is that
  /// of the thread's youngest simulation; if it has none, the real time.
  CORAMFS_EXPORT static time_point now() noexcept;
};

}  // namespace coramfs::testing
