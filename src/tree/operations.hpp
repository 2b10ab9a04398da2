// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/entries.hpp>
#include <coramfs/result.hpp>

#include "tree/volume_state.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The operations on the tree that never wait: both facades call them as they are. What they
/// do is documented in coramfs/file_system.hpp.
namespace coramfs::detail {

// directories.cpp
result<void> create_directory(volume_state& v, const path_argument& path) noexcept;
result<bool> create_directories(volume_state& v, const path_argument& path) noexcept;

// removal.cpp
result<void> remove(volume_state& v, const path_argument& path) noexcept;
result<void> remove_tree(volume_state& v, const path_argument& path) noexcept;

// relocation.cpp
result<void> rename(volume_state& v, const path_argument& from, const path_argument& to,
                    if_exists existing) noexcept;
result<void> move(volume_state& v, const path_argument& from, const path_argument& to,
                  if_exists existing) noexcept;

// importing.cpp
result<void> import_tree(volume_state& v, const file_map& files) noexcept;

// walk.cpp
result<std::vector<walk_entry>> walk(volume_state& v, const path_argument& path) noexcept;
/// The files at and below a path, which may name nothing; sorted.
result<std::vector<std::string>> files_below(volume_state& v, const path_argument& path,
                                             const export_options& options) noexcept;

// glob.cpp
result<std::vector<std::string>> glob(volume_state& v, const path_argument& pattern) noexcept;

// queries.cpp
result<std::vector<std::string>> list(volume_state& v, const path_argument& path) noexcept;
result<bool> exists(volume_state& v, const path_argument& path) noexcept;
result<bool> is_file(volume_state& v, const path_argument& path) noexcept;
result<bool> is_directory(volume_state& v, const path_argument& path) noexcept;
result<file_status> stat(volume_state& v, const path_argument& path) noexcept;
result<std::uint64_t> file_size(volume_state& v, const path_argument& path) noexcept;

}  // namespace coramfs::detail
