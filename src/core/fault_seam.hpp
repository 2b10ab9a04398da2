// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/options.hpp>
#include <coramfs/result.hpp>
#include <coramfs/testing/fault_policy.hpp>

#include "core/memory_guard.hpp"
#include "core/quota.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

// What is only called where there is a policy: it stays out of the way of what calls it.
#if defined(__GNUC__)
#define CORAMFS_COLD [[gnu::cold, gnu::noinline]]
#else
#define CORAMFS_COLD
#endif

namespace coramfs::detail {

/// Where a volume's policy of faults is asked, and what its answers become: the error that the
/// point gives in earnest, with its numbers.
///
/// Who asks does so before anything has changed, and not under the tree's lock nor under a mutex; a
/// file's lock may be held. What the policy does with the volume is not asked about.
///
/// Without a policy `has_policy` is all that is called, on no path that takes nothing. The others
/// are for tests, and are not inline.
///
/// Thread safety: nothing in it changes.
class fault_seam {
 public:
  fault_seam(testing::fault_policy* policy, const quota& limits, const memory_guard& guard) noexcept
      : policy_(policy), limits_(limits), guard_(guard) {}
  fault_seam(const fault_seam&) = delete;
  fault_seam& operator=(const fault_seam&) = delete;

  bool has_policy() const noexcept { return policy_ != nullptr; }

  // Precondition of all that follow: there is a policy. Paths may be as the caller wrote them.
  /// Before `quota::reserve` with the same arguments. Errors: `node_limit_exceeded`,
  /// `quota_exceeded`.
  CORAMFS_COLD result<void> reserving(std::string_view path, const charge& wanted,
                                      const charge& replaced = {},
                                      const grant* granted = nullptr) const noexcept;
  /// Before the guard is asked for an operation that adds so many bytes. Errors: `memory_guard`.
  CORAMFS_COLD result<void> guarding(std::string_view path, std::uint64_t bytes) const noexcept;
  /// Before it is asked for a quota. Errors: `memory_guard`.
  CORAMFS_COLD result<void> guarding_quota(std::uint64_t bytes) const noexcept;
  /// Before memory is allocated. Errors: `out_of_memory`.
  CORAMFS_COLD result<void> allocating(std::string_view path, std::uint64_t bytes) const noexcept;
  /// Before an operation of that patience queues. Errors: `timed_out`, `canceled`.
  CORAMFS_COLD result<void> waiting_for_lock(std::string_view path,
                                             lock_timeout patience) const noexcept;
  CORAMFS_COLD result<void> waiting_for_space(std::string_view path, std::uint64_t bytes,
                                              lock_timeout patience) const noexcept;

 private:
  std::optional<error> ask(testing::fault_point p, std::string_view path,
                           std::uint64_t amount) const noexcept;
  result<void> wait(testing::fault_point p, std::string_view path, std::uint64_t amount,
                    lock_timeout patience) const noexcept;

  testing::fault_policy* const policy_;
  const quota& limits_;
  const memory_guard& guard_;
};

}  // namespace coramfs::detail
