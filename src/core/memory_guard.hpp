// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace coramfs::detail {

/// Asks the machine whether it still has the memory that the quota allows.
///
/// Thread safety: all members may be called from many threads at once. The user's callbacks run
/// with no lock held.
class memory_guard {
 public:
  explicit memory_guard(const memory_guard_options& options) noexcept : options_(options) {}
  memory_guard(const memory_guard&) = delete;
  memory_guard& operator=(const memory_guard&) = delete;

  /// Whether the machine could bear a whole quota. Errors: `memory_guard`.
  result<void> check_quota(std::uint64_t max_bytes);

  bool is_asked_per_write() const noexcept { return options_.mode == guard_mode::per_write; }

  /// Whether `wanted` bytes more may be taken by a volume that is charged `used` bytes now.
  /// Errors: `memory_guard`.
  result<void> check(std::uint64_t wanted, std::uint64_t used);

 private:
  struct reading {
    std::chrono::steady_clock::time_point taken_at;
    std::optional<std::uint64_t> available;
    std::uint64_t used;  // what the volume was charged then
  };

  reading ask(std::uint64_t used);
  reading latest(std::uint64_t used);
  result<void> judge(std::uint64_t wanted, std::uint64_t available);

  const memory_guard_options& options_;
  std::mutex mutex_;
  std::optional<reading> latest_;  // guarded by mutex_
};

}  // namespace coramfs::detail
