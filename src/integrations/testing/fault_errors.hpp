// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/error.hpp>
#include <coramfs/testing/fault_policy.hpp>

#include <cstddef>

namespace coramfs::detail {

/// How many points there are.
inline constexpr std::size_t point_count =
    static_cast<std::size_t>(testing::fault_point::decode) + 1;

/// The first error that a point gives. Those that are no points of a volume give any.
inline errc first_error(testing::fault_point p) noexcept {
  using testing::fault_point;
  switch (p) {
    case fault_point::reserve_bytes: return errc::quota_exceeded;
    case fault_point::reserve_nodes: return errc::node_limit_exceeded;
    case fault_point::guard: return errc::memory_guard;
    case fault_point::lock:
    case fault_point::space: return errc::timed_out;
    case fault_point::allocate:
    case fault_point::host:
    case fault_point::store:
    case fault_point::decode: return errc::out_of_memory;
  }
  return errc::out_of_memory;
}

}  // namespace coramfs::detail
