// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/path_argument.hpp>
#include <coramfs/result.hpp>

#include "core/quota.hpp"
#include "tree/opening.hpp"
#include "tree/tree.hpp"
#include "tree/volume_state.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace coramfs::detail {

/// A `copy_tree` in its steps:
///
///     begin     pays for all of it, and makes the directories where nobody sees them;
///     next      for each file: its opening, to be waited for; then `take`, under its lock;
///     finish    puts the copy into its place.
class tree_copying {
 public:
  static result<tree_copying> begin(const std::shared_ptr<volume_state>& v,
                                    const path_argument& from, const path_argument& to) noexcept;

  /// None: there are no more files. Files that have gone since `begin` are left out.
  result<std::optional<opening>> next() noexcept;
  /// Precondition: the opening of `next` is locked.
  result<void> take(const opening& source) noexcept;
  /// `to` is what `begin` was given.
  result<void> finish(const path_argument& to) noexcept;

 private:
  static constexpr std::size_t no_parent = static_cast<std::size_t>(-1);
  struct source_directory {
    std::size_t parent;  // among directories_
    std::string name;    // of the copy
    std::size_t entries;
    directory_node* copy;
  };
  struct source_file {
    std::string path;
    std::size_t in;  // among directories_
    extent estimate;
  };

  explicit tree_copying(const std::shared_ptr<volume_state>& v) : volume_(v) {}
  void snapshot(const directory_node& top, std::string_view path, std::string_view name);
  result<void> pay(std::uint64_t entry_footprint) noexcept;
  result<void> make_directories() noexcept;
  charge total(std::uint64_t entry_footprint) const noexcept;

  std::shared_ptr<volume_state> volume_;
  std::vector<source_directory> directories_;
  std::vector<source_file> files_;
  std::size_t done_ = 0;               // of files_
  charge files_charge_;                // of those that are done, estimated of the others
  std::uint64_t entry_footprint_ = 0;  // in the directory that the copy goes to
  reservation paid_;
  detached_node copy_;  // goes before what paid for it
};

/// Whether an open of a file that was there before failed because it has gone.
bool has_gone(const error& e) noexcept;

}  // namespace coramfs::detail
