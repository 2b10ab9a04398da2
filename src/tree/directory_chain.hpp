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
  entry at;                ///< free, or taken by what the whole path names
  std::string_view below;  ///< the rest of the path behind it
};

/// Errors: `not_a_directory` for a file above the last name. Under the tree's lock.
result<gap> find_gap(const tree& names, normal_path path) noexcept;

/// New directories, one in the other, that are not in the tree yet.
struct directory_chain {
  detached_node top;  ///< none: memory is refused
  directory_node* deepest;
};

/// A directory of `name`, in it one for each name of `below`.
directory_chain new_directory_chain(const tree& of, std::string_view name,
                                    std::string_view below) noexcept;

/// What the directories are charged that close the gap, the entry of the first included.
charge chain_charge(const volume_state& v, const gap& missing) noexcept;

}  // namespace coramfs::detail
