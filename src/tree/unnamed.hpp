// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/open_file.hpp>

#include "core/label_text.hpp"
#include "tree/node.hpp"
#include "tree/volume_state.hpp"

#include <memory>

/// Files without a name. Such a file is in no directory, so nobody finds it: it is one handle's
/// alone, which has its lock exclusively, or an operation's that is about to give it a name. It is
/// charged as any file, but for a name and an entry.
///
/// Invariant: it has no users and no marks, and its parent is null. So its `node_use` counts
/// nothing, and whoever lets go of that has to free it.
///
/// Who has seen it among the handles looks at it under the tree's lock. So that is taken
/// exclusively once, after its record was given back, and before it is freed or changed otherwise.
namespace coramfs::detail {

/// An unnamed file that was taken from its handle.
struct taken_file {
  std::unique_ptr<file_node> file;
  label_text label;  ///< of the handle
};

/// The use of an unnamed file by its handle, with its lock.
node_use use_unnamed(std::unique_ptr<file_node> file) noexcept;

/// Waits until nobody looks at files whose records were given back. It takes the tree's lock.
void forget_records(volume_state& v) noexcept;

/// Frees a file, and gives back its charge. Not under the tree's lock.
void drop_unnamed(volume_state& v, std::unique_ptr<file_node> file) noexcept;

}  // namespace coramfs::detail
