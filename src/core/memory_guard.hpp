// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include "core/clock.hpp"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace coramfs::detail {

/// Asks the machine whether it still has the memory that the quota allows.
///
/// What a volume has promised to operations under way counts as taken, though it may not be
/// allocated yet: so the machine's memory is not spent twice.
///
/// Thread safety: all members may be called from many threads at once. The mutex guards the latest
/// reading alone, and nothing is taken under it. The user's callbacks run without it and without
/// the tree's lock, though the operation that asks may hold a file's lock. They may use the volume:
/// what they do there themselves is not checked.
class memory_guard {
 public:
  explicit memory_guard(const memory_guard_options& options,
                        volume_clock clock = volume_clock()) noexcept
      : options_(options), clock_(clock) {}
  memory_guard(const memory_guard&) = delete;
  memory_guard& operator=(const memory_guard&) = delete;

  bool is_asked_per_write() const noexcept { return options_.mode == guard_mode::per_write; }
  /// Whether it is asked when the volume is made, and when its quota is raised.
  bool is_asked_for_quota() const noexcept { return options_.mode != guard_mode::none; }
  /// Whether it refuses anything, and does not only warn.
  bool refuses() const noexcept { return options_.action == guard_action::reject; }

  /// What a volume takes, beside what it is asked about.
  struct usage {
    std::uint64_t charged;   ///< bytes that the machine's readings show already
    std::uint64_t promised;  ///< those bytes, and what is reserved for other operations
  };
  /// Checks whether the machine has the memory for a whole quota, of which a part is taken already.
  /// Errors: `memory_guard`.
  result<void> check_quota(std::uint64_t max_bytes, const usage& now);
  /// Checks whether such a volume may take `wanted` bytes more. Errors: `memory_guard`.
  result<void> check(std::uint64_t wanted, const usage& now);

 private:
  struct reading {
    std::chrono::steady_clock::time_point taken_at;
    std::optional<std::uint64_t> available;
    std::uint64_t charged;  // bytes that the volume was charged then
  };

  reading ask(std::uint64_t charged);
  reading latest(std::uint64_t charged);
  result<void> judge(std::uint64_t wanted, std::uint64_t available);

  const memory_guard_options& options_;
  const volume_clock clock_;
  std::mutex mutex_;
  std::optional<reading> latest_;  // guarded by mutex_
};

}  // namespace coramfs::detail
