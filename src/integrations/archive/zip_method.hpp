// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "integrations/archive/archive_kind.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace coramfs::detail {

/// The methods of members of a zip that are read.
enum zip_method : unsigned {
  zip_stored = 0,
  zip_deflated = 8,
  zip_bzip2 = 12,
  zip_lzma = 14,
  zip_zstd = 93,
  zip_xz = 95,
  zip_ppmd = 98,
};
bool is_known_method(unsigned how) noexcept;

/// As many bytes of a member as `member_memory` looks at.
inline constexpr std::size_t member_head = 9;
/// What a member of that method wants of memory, by its first bytes; none if they mean nothing.
std::optional<std::uint64_t> member_memory(unsigned how, std::span<const std::byte> head) noexcept;

/// The filter that a member of that method is alike to.
stream_filter filter_of_method(unsigned how) noexcept;

}  // namespace coramfs::detail
