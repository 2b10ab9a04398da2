// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>

namespace coramfs {

/// The clocks of a volume, where they are to be others than the system's: `volume_options::clock`.
///
/// Thread safety: both members are called from any thread that uses the volume, from several at
/// once, and with locks of the library held. So they must not use a volume, nor wait for anything.
class clock {
 public:
  virtual ~clock() = default;

  /// The time that a node gets which is made or changed now. It may go back: a node that has a
  /// later time keeps that.
  virtual std::chrono::system_clock::time_point system_now() const noexcept = 0;
  /// The time that durations are measured by. It must not go back.
  virtual std::chrono::steady_clock::time_point steady_now() const noexcept = 0;
};

}  // namespace coramfs
