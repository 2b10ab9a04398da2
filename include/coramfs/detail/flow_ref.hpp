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

/// The reference of a writer's handle, which counts at the flow how often the handle is moved: so a
/// file that was handed to somebody is known from one that he has handed on.
///
/// Thread safety: distinct objects may be used at once.
class written_flow : public flow_ref {
 public:
  written_flow() noexcept = default;
  explicit written_flow(flow_ref&& of) noexcept : flow_ref(std::move(of)) {}
  written_flow(written_flow&& other) noexcept : flow_ref(std::move(other)) {
    if (*this) note_move();
  }
  written_flow& operator=(written_flow&& other) noexcept {
    flow_ref::operator=(std::move(other));
    if (*this) note_move();
    return *this;
  }
  ~written_flow() = default;

 private:
  void note_move() noexcept;
};

}  // namespace coramfs::detail
