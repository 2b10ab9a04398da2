// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace coramfs::detail {

/// Bytes: the limits of the normal form. That of a path includes the leading slash.
inline constexpr std::size_t max_path_size = 4096;
inline constexpr std::size_t max_name_size = 255;

/// The normal form of a path, for those who make paths below it. Errors: `invalid_path`,
/// `name_too_long`. Throws `std::bad_alloc`.
CORAMFS_EXPORT result<std::string> normal_text(std::string_view path);

}  // namespace coramfs::detail
