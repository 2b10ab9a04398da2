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
/// What a volume has promised to operations that are under way counts as taken: the machine's
/// memory is not spent twice, though none of it has been allocated yet.
///
/// Thread safety: all members may be called from many threads at once. The user's callbacks run
/// with no lock held, and may use the volume: for what they do there themselves nobody is asked.
class memory_guard {
 public:
  explicit memory_guard(const memory_guard_options& options) noexcept : options_(options) {}
  memory_guard(const memory_guard&) = delete;
  memory_guard& operator=(const memory_guard&) = delete;

  /// Whether the machine could bear a whole quota. Errors: `memory_guard`.
  result<void> check_quota(std::uint64_t max_bytes);

  bool is_asked_per_write() const noexcept { return options_.mode == guard_mode::per_write; }

  /// What a volume takes, beside what it is asked about.
  struct usage {
    std::uint64_t charged;   ///< bytes: the machine's readings show them
    std::uint64_t promised;  ///< bytes: these, and what is reserved for operations under way
  };
  /// Whether such a volume may take `wanted` bytes more. Errors: `memory_guard`.
  result<void> check(std::uint64_t wanted, const usage& now);

 private:
  struct reading {
    std::chrono::steady_clock::time_point taken_at;
    std::optional<std::uint64_t> available;
    std::uint64_t charged;  // what the volume was charged then
  };
  class callback_scope;

  reading ask(std::uint64_t charged);
  reading latest(std::uint64_t charged);
  result<void> judge(std::uint64_t wanted, std::uint64_t available);

  const memory_guard_options& options_;
  std::mutex mutex_;
  std::optional<reading> latest_;  // guarded by mutex_
};

}  // namespace coramfs::detail
