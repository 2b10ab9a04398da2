// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace coramfs::detail {

/// A label's text, of at most 30 bytes. What is longer is cut, but not in the middle of a
/// character.
struct label_text {
  static constexpr std::size_t max_size = 30;

  label_text() noexcept = default;
  /// Null is the empty label.
  explicit label_text(const char* text) noexcept;
  std::string_view view() const noexcept { return {text.data(), size}; }

  std::uint8_t size = 0;
  std::array<char, max_size> text{};
};

}  // namespace coramfs::detail
