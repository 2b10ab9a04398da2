// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "core/path.hpp"
#include "core/quota.hpp"
#include "tree/tree.hpp"
#include "tree/volume_state.hpp"

#include <string_view>

namespace coramfs::detail {

/// The first place on a path where something is missing.
struct gap {
  entry at;                ///< the place, which is free unless it is what the whole path names
  std::string_view below;  ///< the rest of the path behind it
};

/// Walks down a path as far as it exists. Errors: `not_a_directory` for a file above the last name.
/// Under the tree's lock.
result<gap> find_gap(const tree& names, normal_path path) noexcept;

/// New directories, one in the other, that are not in the tree yet: nobody else sees them.
struct missing_directories {
  detached_node top;  ///< null if memory was refused
  directory_node* deepest;
};

/// Makes a directory called `name`, in it one for the first name of `below`, and so on.
missing_directories make_missing_directories(const tree& of, std::string_view name,
                                             std::string_view below) noexcept;

/// What the directories are charged that close the gap, with the entry of the first. Under the
/// tree's lock.
charge charge_of_missing(const volume_state& v, const gap& missing) noexcept;

}  // namespace coramfs::detail
