// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/archive.hpp>
#include <coramfs/result.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace coramfs::detail {

/// The name of an entry, as it may be used below a directory.
struct safe_name {
  std::string path;          ///< names with one slash between them; empty for the directory itself
  bool is_stripped = false;  ///< something was taken away that was not safe
};

/// Checks the name of an entry. None: it is left out. Errors: `unsafe_archive_entry`;
/// `name_too_long`. Throws `std::bad_alloc`.
result<std::optional<safe_name>> safe_name_of(std::string_view name, unsafe_entries how);

}  // namespace coramfs::detail
