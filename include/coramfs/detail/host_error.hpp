// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/error.hpp>

#include <string_view>

namespace coramfs::detail {

/// Notes that an error is one of `export_to_host`, and of which path, as far as no note of it says
/// so already. It may be the system's. It neither allocates nor waits.
CORAMFS_EXPORT error about_host_call(std::string_view path, const error& e) noexcept;
/// The same for `import_from_host`.
CORAMFS_EXPORT error about_host_import(std::string_view path, const error& e) noexcept;

}  // namespace coramfs::detail
