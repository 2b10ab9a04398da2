// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <zlib.h>

namespace coramfs::detail {

/// The checksum that gzip, zip, 7z and xz have: of `more` behind those whose checksum was `before`.
inline std::uint32_t crc32(std::uint32_t before, std::span<const std::byte> more) noexcept {
  // zlib takes no bytes at null for a beginning.
  if (more.empty()) return before;
  const auto* const first = reinterpret_cast<const unsigned char*>(more.data());
  return static_cast<std::uint32_t>(::crc32_z(before, first, more.size()));
}

}  // namespace coramfs::detail
