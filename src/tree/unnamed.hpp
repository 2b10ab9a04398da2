// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/open_file.hpp>

#include "core/label_text.hpp"
#include "tree/node.hpp"
#include "tree/volume_state.hpp"

#include <chrono>
#include <memory>

/// Files without a name. Such a file is in no directory, so nobody finds it: it is one handle's
/// alone that has made it, or those handles' that had it open when its name was taken
/// (`tree::take_name`), or an operation's that is about to give it a name. It is charged as any
/// file, but for an entry.
///
/// Invariants: its parent is null, it has no marks, and `node::unnamed` is in its count of users,
/// but for an operation's. Whoever lets go of it as the last one frees it. Its users have the lock
/// that they had, so that of several handles none writes. Beside them there are for a short time
/// those who have waited for its lock: that is retired, and they look at the parent before all
/// else, and let go. What name it has had stays, and stays charged.
///
/// Who has seen it among the handles looks at it under the tree's lock. So that is taken
/// exclusively once, after the last record was given back, and before it is freed or changed
/// otherwise.
namespace coramfs::detail {

/// An unnamed file that was taken from its handle. The name that it has had is still charged.
struct taken_file {
  std::unique_ptr<file_node> file;
  label_text label;                               ///< of the handle
  std::chrono::steady_clock::time_point since{};  ///< when that was opened
  bool is_recorded = false;                       ///< whether the two are known
};

/// The use of an unnamed file by its handle, with its lock.
node_use use_unnamed(volume_state& v, std::unique_ptr<file_node> file) noexcept;

/// Waits until nobody looks at files whose records were given back. It takes the tree's lock.
void forget_records(volume_state& v) noexcept;

/// Frees a file that nobody has seen, or whose records are forgotten, and gives back its charge.
/// Not under the tree's lock.
void drop_unnamed(volume_state& v, std::unique_ptr<file_node> file) noexcept;
/// Frees a file for its last user. Not under the tree's lock.
void free_unnamed(volume_state& v, file_node& file) noexcept;

}  // namespace coramfs::detail
