// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/entries.hpp>
#include <coramfs/result.hpp>

#include "tree/volume_state.hpp"

#include <cstdint>

/// The operations on the tree that never wait: both facades call them as they are. What they do is
/// documented in coramfs/file_system.hpp.
///
/// Thread safety: they may be called from many threads at once. Locks: each takes the tree's, and
/// has let it go when it returns.
namespace coramfs::detail {

// directories.cpp
result<void> create_directory(volume_state& v, const path_argument& path) noexcept;
result<bool> create_directories(volume_state& v, const path_argument& path) noexcept;

// removing.cpp
/// With any option but `if_open::wait`, which is for `removal_in_turn`.
result<void> remove(volume_state& v, const path_argument& path, if_open in_use) noexcept;
result<void> remove_directory(volume_state& v, const path_argument& path) noexcept;

// relocation.cpp
/// With any option but `if_open::wait`, which is for `rename_in_turn` and `move_in_turn`.
/// @{
result<void> rename(volume_state& v, const path_argument& from, const path_argument& to,
                    const rename_options& options) noexcept;
result<void> move(volume_state& v, const path_argument& from, const path_argument& to,
                  const rename_options& options) noexcept;
/// @}

// queries.cpp
result<bool> exists(volume_state& v, const path_argument& path) noexcept;
result<bool> is_file(volume_state& v, const path_argument& path) noexcept;
result<bool> is_directory(volume_state& v, const path_argument& path) noexcept;
result<file_status> stat(volume_state& v, const path_argument& path) noexcept;
result<std::uint64_t> file_size(volume_state& v, const path_argument& path) noexcept;

result<void> set_modified(volume_state& v, const path_argument& path, time_point to) noexcept;

}  // namespace coramfs::detail
