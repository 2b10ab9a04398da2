// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/error_details.hpp>

#include <chrono>
#include <cstdint>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::testing {

/// An operation of coramfs that waits, a `timer`, or a read or write of a `stream`.
struct pending_wait {
  /// The call and the path, who has the file open, and how many others wait for it. Of an
  /// `rw_lock`, which is no file's, only the number is known. Where it is no operation of coramfs,
  /// the call is "timer", "stream read" or "stream write", and the rest is empty.
  error_details about;
  /// Bytes, if it waits for space and not for a lock; else 0.
  std::uint64_t wanted_bytes;
  /// When the wait began, by the simulation's time.
  std::chrono::steady_clock::time_point since;
  /// The `number` of the spawned coroutine that waits, or that has begun what waits; 0 if it is of
  /// none.
  std::uint64_t coroutine = 0;
  /// Which `rw_lock` it waits for: from 1, in the order of `outcome::waits`, and the same number
  /// for the same lock; 0 if it waits for a file or for space.
  std::uint64_t lock = 0;
  /// Whether it is a blocking call, of `coramfs::sync` or of an `rw_lock`, that would have had to
  /// wait within a step.
  bool is_blocking = false;
};

/// A coroutine that `simulation::spawn` or `run` has begun, and that has not ended.
struct pending_coroutine {
  std::string name;                             ///< as it was spawned; "run" if by `run`
  std::chrono::steady_clock::time_point since;  ///< when it was spawned
  std::uint64_t number = 0;                     ///< from 1, in the order of their beginnings
};

/// How a `simulation` came to its end: when nothing was ready any more, and no timer was to come.
struct outcome {
  /// Whether something was still suspended, which nothing could wake any more: a deadlock, a lost
  /// wake-up, or a `co_await` of what nobody completes.
  bool is_stuck = false;
  /// Those that have not ended, in the order in which they began.
  std::vector<pending_coroutine> coroutines = {};
  /// What they wait for, as far as coramfs knows of it, in the order in which the waits began.
  std::vector<pending_wait> waits = {};
  /// All of that in words, line by line, with what was chosen; empty if it is not stuck.
  std::string report = {};

  /// Whether everything has ended.
  explicit operator bool() const noexcept { return !is_stuck; }
};

/// Writes "ended", or the report.
CORAMFS_EXPORT std::ostream& operator<<(std::ostream& to, const outcome& o);

/// Thrown by `simulation::run` where its coroutine can never end. `what()` is the report. The
/// simulation has been cleared before.
class CORAMFS_EXPORT stuck_error : public std::runtime_error {
 public:
  /// With the outcome of the simulation.
  explicit stuck_error(testing::outcome o) : std::runtime_error(o.report), how_(std::move(o)) {}
  ~stuck_error() override;

  /// How the simulation came to its end.
  const testing::outcome& how() const noexcept { return how_; }

 private:
  testing::outcome how_;
};

}  // namespace coramfs::testing
