// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace coramfs::detail {

/// The checksum that gzip, zip, 7z and xz have: of `more` behind those whose checksum was `before`.
std::uint32_t crc32(std::uint32_t before, std::span<const std::byte> more) noexcept;

}  // namespace coramfs::detail
