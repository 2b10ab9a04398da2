// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace coramfs::detail {

/// Numbers as archives have them, the least significant byte first. The bytes must be there.
/// @{
inline std::uint8_t byte_at(std::span<const std::byte> from, std::size_t at) noexcept {
  return std::to_integer<std::uint8_t>(from[at]);
}
inline std::uint64_t number_at(std::span<const std::byte> from, std::size_t at,
                               std::size_t size) noexcept {
  std::uint64_t n = 0;
  for (std::size_t i = size; i-- > 0;) n = n << 8 | byte_at(from, at + i);
  return n;
}
inline std::uint16_t word_at(std::span<const std::byte> from, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(number_at(from, at, 2));
}
inline std::uint32_t long_at(std::span<const std::byte> from, std::size_t at) noexcept {
  return static_cast<std::uint32_t>(number_at(from, at, 4));
}
/// @}

/// Bytes as text, and whether others begin with it.
/// @{
inline std::string_view text_of(std::span<const std::byte> from) noexcept {
  return {reinterpret_cast<const char*>(from.data()), from.size()};
}
inline bool begins_with(std::span<const std::byte> from, std::string_view with) noexcept {
  return text_of(from).substr(0, with.size()) == with;
}
/// @}

}  // namespace coramfs::detail
