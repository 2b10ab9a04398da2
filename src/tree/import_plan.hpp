// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/entries.hpp>
#include <coramfs/result.hpp>

#include "core/pace.hpp"
#include "core/quota.hpp"
#include "tree/directory_chain.hpp"
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

/// A file that is imported.
struct import_item {
  bytes content;                    ///< until it is in the file
  std::unique_ptr<file_node> file;  ///< until it is in a directory
  file_node* placed = nullptr;      ///< from then on, until that is in the tree
};
/// By their paths, in whose order they are gone through: all that is below one directory comes
/// one after another.
using import_items = std::map<std::string, import_item>;

/// Something new that comes into a directory which is there: a file, or the topmost directory
/// above some of the files.
struct graft {
  import_items::value_type* item;  ///< the file, or the first in the directory
  std::size_t path_size;           ///< of the item's path
  detached_node directory;         ///< once it is made

  bool is_file() const noexcept { return path_size == item->first.size(); }
  std::string_view path() const noexcept {
    return std::string_view(item->first).substr(0, path_size);
  }
  /// Of the directory that it comes into; empty for the root.
  std::string_view parent() const noexcept { return path().substr(0, path().rfind('/')); }
};

/// How many bytes two paths have in common at their beginnings.
std::size_t common_size(std::string_view a, std::string_view b) noexcept;

/// The directories above a path, the deepest last, while paths are gone through in their order.
/// Each is entered once, and left for the first path that is not below it.
template <class Directory>
class directories_above {
 public:
  template <class Leave>
  void go_to(std::string_view path, Leave leave) {
    if (open_.empty()) return;
    // What is open is a chain, so its deepest tells about all: to compare each would take as long
    // as the square of its depth.
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
  // `same`: how many bytes at their beginnings are.
  static bool is_below(std::string_view path, std::string_view directory,
                       std::size_t same) noexcept {
    return directory.size() <= same && path.size() > directory.size() &&
           path[directory.size()] == '/';
  }
  std::vector<Directory> open_;
};

/// What an import does to the tree: where it puts what, and what that costs. Made item by item; if
/// the tree changes meanwhile it may be wrong, which is seen when the grafts are put in.
class import_plan {
 public:
  explicit import_plan(const volume_state& v) noexcept : volume_(&v) {}

  /// To be called once for each hold of the lock, before all else.
  void begin_hold() noexcept { ++hold_; }
  /// The next item. Under the tree's exclusive lock: what is replaced must not change its size.
  /// Adds to `p` what it takes beside what each item does. Errors: `is_a_directory`,
  /// `not_a_directory`.
  result<void> add(import_items::value_type& item, pace& p);
  /// After all items. Errors: `busy`.
  result<void> finish();

  /// All of it, and without what the tables of directories grow by that are there.
  const charge& wanted() const noexcept { return wanted_; }
  charge wanted_of_new() const noexcept;
  const charge& replaced() const noexcept { return replaced_; }
  std::vector<graft>& grafts() noexcept { return grafts_; }

 private:
  struct directory {
    std::string_view path;  // empty for the root
    bool is_new;
    std::size_t entries, added;
    // Of one that is there, and in which hold of the lock it was found.
    directory_node* node;
    std::uint64_t hold;
  };
  result<gap> find(std::string_view path, pace& p) noexcept;
  result<bool> begin_graft(import_items::value_type& item, pace& p);
  result<void> replace(node& found) noexcept;
  void add_entries(std::string_view path);
  void leave(const directory& d) noexcept;

  const volume_state* volume_;
  std::uint64_t hold_ = 0;
  charge wanted_, replaced_;
  std::uint64_t growth_ = 0;  // bytes, of wanted_
  bool meets_busy_ = false;   // among what it replaces
  directories_above<directory> above_;
  std::vector<graft> grafts_;
};

}  // namespace coramfs::detail
