// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/entries.hpp>
#include <coramfs/result.hpp>

#include "core/error_note.hpp"
#include "core/pace.hpp"
#include "core/quota.hpp"
#include "tree/missing_directories.hpp"
#include "tree/tree.hpp"
#include "tree/volume_state.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace coramfs::detail {

/// A file that is imported, or a directory in which nothing is.
struct import_item {
  /// A file that is made of a content, a file that is there and has no name, or a directory.
  enum class kind : unsigned char { content, unnamed, directory };

  kind is = kind::content;
  bool is_there = false;            ///< of a directory: whether it was there when it was planned
  std::uint64_t old_name = 0;       ///< bytes that the name is charged that an unnamed file has had
  bytes content;                    ///< what a file is made of
  std::unique_ptr<file_node> file;  ///< the file, until it is in a new directory or in the tree
  file_node* placed = nullptr;      ///< the file in a new directory
};
/// The items by their normal paths, of which none is above another. In that order all that is below
/// one directory comes one after another.
using import_items = std::map<std::string, import_item>;

/// Something new that comes into a directory which is there: a file, or a new directory with all
/// that is below it. A directory that is there itself is one, too, which is only looked at.
struct graft {
  import_items::value_type* item;  ///< the file, or the first one in the directory
  std::size_t path_size;           ///< how much of the item's path is the path of the graft
  detached_node directory;         ///< null for a file, and until the directory is made

  bool is_file() const noexcept {
    return path_size == item->first.size() && item->second.is != import_item::kind::directory;
  }
  bool is_there() const noexcept { return item->second.is_there; }
  std::string_view path() const noexcept {
    return std::string_view(item->first).substr(0, path_size);
  }
  /// The path of the directory that it comes into; empty for the root.
  std::string_view parent() const noexcept { return path().substr(0, path().rfind('/')); }
};

/// How many bytes two paths have in common at their beginnings.
std::size_t common_size(std::string_view a, std::string_view b) noexcept;

/// The directories above a path, the deepest last, while paths are gone through in their order.
/// Each directory is entered once, and left for the first path that is not below it. A `Directory`
/// has a `path`.
///
/// Guarded by its owner.
template <class Directory>
class directories_above {
 public:
  /// Leaves the directories that `path` is not below, by `leave(directory)`, from the deepest on.
  template <class Leave>
  void go_to(std::string_view path, Leave leave) {
    if (open_.empty()) return;
    // Each open directory is below the one before it, so one comparison with the deepest tells
    // about all. To compare each of them would take as long as the square of the depth.
    const std::size_t same = common_size(path, open_.back().path);
    while (!open_.empty() && !is_below(path, open_.back().path, same)) {
      leave(open_.back());
      open_.pop_back();
    }
  }
  void enter(const Directory& d) { open_.push_back(d); }
  bool empty() const noexcept { return open_.empty(); }
  Directory& deepest() noexcept { return open_.back(); }

 private:
  // `same` is how many bytes the paths have in common.
  static bool is_below(std::string_view path, std::string_view directory,
                       std::size_t same) noexcept {
    return directory.size() <= same && path.size() > directory.size() &&
           path[directory.size()] == '/';
  }
  std::vector<Directory> open_;
};

/// What an import does to the tree: where it puts what, and what that costs. It is made item by
/// item. If the tree changes meanwhile it may be wrong, which shows when the grafts are put in.
///
/// Guarded by its operation: one thread at a time. `add` needs the tree's exclusive lock, too.
class import_plan {
 public:
  /// What it is for is known by the call, for the text of its errors.
  import_plan(const volume_state& v, call by, const naming_options& options) noexcept
      : volume_(&v), by_(by), existing_(options.existing), in_use_(options.open) {}

  /// To be called once for each hold of the lock, before all else.
  void begin_hold() noexcept { ++hold_; }
  /// Plans the next item. Under the tree's exclusive lock, so that what is replaced does not change
  /// its size. `p` gets what this item takes beyond what every item does. Errors: `already_exists`,
  /// `is_a_directory`, `not_a_directory`.
  result<void> add(import_items::value_type& item, pace& p);
  /// Ends the plan, after all items. Errors: `busy` if a file to be replaced is, with
  /// `if_open::fail`.
  result<void> finish();

  /// What all that is new is charged.
  const charge& wanted() const noexcept { return wanted_; }
  /// The same without what the tables of existing directories grow by.
  charge wanted_of_new() const noexcept;
  /// What the files are charged that are replaced, and the old names of those that get new ones.
  const charge& replaced() const noexcept { return replaced_; }
  /// The latter alone.
  std::uint64_t old_names() const noexcept { return old_names_; }
  std::vector<graft>& grafts() noexcept { return grafts_; }

 private:
  struct directory {
    std::string_view path;  // empty for the root
    bool is_new;
    std::size_t entries, added;
    // For an existing directory, and in which hold of the lock it was found.
    directory_node* node;
    std::uint64_t hold;
  };
  result<gap> find(std::string_view path, pace& p) noexcept;
  result<bool> begin_graft(import_items::value_type& item, pace& p);
  result<void> meet(node& found, import_items::value_type& item) noexcept;
  result<void> replace(node& found, std::string_view path) noexcept;
  void add_entries(const import_items::value_type& item);
  void leave(const directory& d) noexcept;

  const volume_state* volume_;
  call by_;
  if_exists existing_;
  if_open in_use_;
  std::uint64_t hold_ = 0;
  charge wanted_, replaced_;
  std::uint64_t old_names_ = 0;  // bytes of replaced_
  std::uint64_t growth_ = 0;     // bytes of wanted_ that tables of existing directories grow by
  // Fails with the first file that it replaces and that is busy.
  result<void> meets_busy_ = boost::outcome_v2::success();
  directories_above<directory> above_;
  std::vector<graft> grafts_;
};

}  // namespace coramfs::detail
