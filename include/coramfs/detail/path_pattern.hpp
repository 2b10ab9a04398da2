// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>

#include <string_view>

namespace coramfs::detail {

/// Whether a path, absolute and normal, matches a pattern of `glob`, which must not be longer than
/// that may be. May throw `std::bad_alloc`.
CORAMFS_EXPORT bool matches_pattern(std::string_view glob, std::string_view path);
/// Whether a pattern is not too long.
CORAMFS_EXPORT bool is_pattern(std::string_view glob) noexcept;

}  // namespace coramfs::detail
