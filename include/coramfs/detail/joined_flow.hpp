// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/flow_ref.hpp>

#include <cstdint>

namespace coramfs::detail {

class admission;

/// A follower's reference to a flow, which counts it as one of its followers: it is a follower less
/// when the reference goes, whoever has it then.
///
/// Thread safety: distinct objects may be used at once.
class joined_flow {
 public:
  joined_flow() noexcept = default;
  /// Joins a flow. It is empty if that has as many followers as it may have, or as `most` says. Who
  /// has waited for a follower is told when `told` ends.
  joined_flow(flow& of, std::uint32_t most, admission& told) noexcept;
  joined_flow(joined_flow&& other) noexcept = default;
  joined_flow& operator=(joined_flow&& other) noexcept = default;
  ~joined_flow() { reset(); }

  void reset() noexcept {
    if (flow_) leave();
  }
  explicit operator bool() const noexcept { return static_cast<bool>(flow_); }
  flow* operator->() const noexcept { return flow_.operator->(); }
  flow& operator*() const noexcept { return *flow_; }

 private:
  void leave() noexcept;

  flow_ref flow_;
};

}  // namespace coramfs::detail
