// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/testing/fault_policy.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

namespace coramfs::tests {

/// Does something once, where an operation is about to queue for the lock of the file at a path.
struct before_a_wait final : testing::fault_policy {
  std::function<void(std::string_view)> then;

  std::optional<error> at(testing::fault_point p, std::string_view path, std::uint64_t) override {
    if (p != testing::fault_point::lock) return std::nullopt;
    if (const auto once = std::exchange(then, nullptr)) once(path);
    return std::nullopt;
  }
};

}  // namespace coramfs::tests
