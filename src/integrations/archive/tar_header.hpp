// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace coramfs::detail {

/// The name that what stands before the content of an entry of a tar gives it, beside that of its
/// own block: in records of pax, or in a long name of GNU. libarchive has read all of it, but gives
/// back what it has made of that: up to a NUL, and with letters and marks of Unicode put together.
/// None: the name is that of the block, which libarchive does not change. Where there are several
/// it is the one that libarchive takes. Errors: `corrupt_archive` for what is no such header.
/// Throws `std::bad_alloc`.
result<std::optional<std::string>> name_in_header(std::string_view header);

}  // namespace coramfs::detail
