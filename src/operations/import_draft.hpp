// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "core/quota.hpp"
#include "operations/import_plan.hpp"
#include "operations/way_clearer.hpp"
#include "tree/tree.hpp"
#include "tree/volume_state.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace coramfs::detail {

/// Builds the grafts of a plan, where nobody sees them: the new directories with the files in them.
/// It is told item by item, in the order of their paths.
///
/// Guarded by its operation: one thread at a time, and no lock is needed.
class import_draft {
 public:
  import_draft(const tree& of, std::vector<graft>& grafts) noexcept
      : tree_(of), next_(grafts.data()) {}

  /// Adds the next item, whose file is made and has its name. `p` gets what this item takes beyond
  /// what every item does. Errors: `out_of_memory`.
  result<void> add(import_items::value_type& item, pace& p);
  /// Takes the file of an item out of its directory again. Items may be taken back in any order. No
  /// lock is needed, since nobody else sees a draft.
  static void take_back(const tree& of, import_item& item) noexcept CORAMFS_UNCHECKED;

 private:
  struct directory {
    std::string_view path;
    directory_node* made;
  };
  result<void> make_directory(std::string_view path);

  const tree& tree_;
  graft* next_;
  directories_above<directory> above_;
};

/// Puts all grafts of an import into the tree at once.
///
/// Guarded by its operation. All but `reserve` is called in one hold of the tree's exclusive lock,
/// and takes a look-up and a few moves of pointers for each graft.
class grafter {
 public:
  grafter(volume_state& v, way_clearer& way, const naming_options& options) noexcept
      : volume_(&v), way_(&way), existing_(options.existing), in_use_(options.open) {}

  /// Makes room for as many grafts, before the lock is taken. Throws `std::bad_alloc`.
  void reserve(std::size_t grafts);

  /// Finds the places of the grafts, and clears what stands there and may be replaced. Returns
  /// whether the tree still is as it was planned for. Errors: as `way_clearer::clear`.
  result<bool> find_places(const std::vector<graft>& grafts);
  /// Adjusts what was paid to what has changed since the plan, and makes room in the directories.
  /// Errors: as `quota::adjust`; `out_of_memory`.
  result<void> pay(const import_plan& plan, reservation& paid) noexcept;
  /// Puts the grafts into their places, which can not fail. What was replaced goes to `gone`.
  void link(std::vector<graft>& grafts, disposal& gone) noexcept;

 private:
  struct directory {
    std::string_view path;
    directory_node* node;
    std::size_t added;
  };
  directory_node* find_parent(std::string_view path);
  void leave(const directory& d);
  void release_spare() noexcept;

  volume_state* volume_;
  way_clearer* way_;
  const if_exists existing_;
  const if_open in_use_;
  directories_above<directory> above_;
  std::vector<directory> grown_;
  std::vector<entry> places_;
  charge replaced_;
};

}  // namespace coramfs::detail
