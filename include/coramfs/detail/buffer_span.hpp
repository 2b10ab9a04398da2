// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/asio_build.hpp>

#include <asio/buffer.hpp>

#include <cstddef>
#include <span>

namespace coramfs::detail {

inline std::span<std::byte> to_span(asio::mutable_buffer b) noexcept {
  return {static_cast<std::byte*>(b.data()), b.size()};
}

inline std::span<const std::byte> to_span(asio::const_buffer b) noexcept {
  return {static_cast<const std::byte*>(b.data()), b.size()};
}

}  // namespace coramfs::detail
