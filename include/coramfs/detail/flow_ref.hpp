// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>

#include <utility>

namespace coramfs::detail {

class flow;

/// A counted reference to a flow, which ends with the last of them.
///
/// Thread safety: distinct objects may be used at once.
class flow_ref {
 public:
  flow_ref() noexcept = default;
  /// Takes over a reference that was counted.
  explicit flow_ref(flow* to) noexcept : flow_(to) {}
  flow_ref(flow_ref&& other) noexcept : flow_(std::exchange(other.flow_, nullptr)) {}
  flow_ref& operator=(flow_ref&& other) noexcept {
    std::swap(flow_, other.flow_);
    return *this;
  }
  ~flow_ref() { reset(); }

  void reset() noexcept {
    if (flow_ != nullptr) drop();
  }
  explicit operator bool() const noexcept { return flow_ != nullptr; }
  flow* operator->() const noexcept { return flow_; }
  flow& operator*() const noexcept { return *flow_; }

 private:
  CORAMFS_EXPORT void drop() noexcept;

  flow* flow_ = nullptr;
};

}  // namespace coramfs::detail
