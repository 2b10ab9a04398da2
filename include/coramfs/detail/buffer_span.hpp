// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_build.hpp>

#include <concepts>
#include <cstddef>
#include <iterator>
#include <span>
#include <string_view>
#include <type_traits>

namespace coramfs::detail {

inline std::span<std::byte> to_span(asio::mutable_buffer b) noexcept {
  return {static_cast<std::byte*>(b.data()), b.size()};
}

inline std::span<const std::byte> to_span(asio::const_buffer b) noexcept {
  return {static_cast<const std::byte*>(b.data()), b.size()};
}

/// What is written that is no buffer of Asio's: text, or bytes. An array of `char`, such as a
/// literal, is text up to its first NUL, or all of it if there is none.
template <class T>
concept content_like = std::convertible_to<const T&, std::string_view> ||
    std::convertible_to<const T&, std::span<const std::byte>>;

template <content_like T>
asio::const_buffer to_buffer(const T& content) noexcept {
  if constexpr (std::convertible_to<const T&, std::string_view> && std::is_array_v<T>) {
    const std::string_view all(content, std::size(content));
    const std::string_view text = all.substr(0, all.find('\0'));
    return {text.data(), text.size()};
  } else if constexpr (std::convertible_to<const T&, std::string_view>) {
    const std::string_view text = content;
    return {text.data(), text.size()};
  } else {
    const std::span<const std::byte> all = content;
    return {all.data(), all.size()};
  }
}

}  // namespace coramfs::detail
