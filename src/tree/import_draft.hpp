// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "core/quota.hpp"
#include "tree/import_plan.hpp"
#include "tree/tree.hpp"
#include "tree/volume_state.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace coramfs::detail {

/// Builds what a plan's grafts are, where nobody sees it: the new directories with the files in
/// them. Told item by item, in the order of their paths.
class import_draft {
 public:
  import_draft(const tree& of, std::vector<graft>& grafts) noexcept
      : tree_(of), next_(grafts.data()) {}

  /// The next item, whose file is made. Adds to `p` what it takes beside what each item does.
  /// Errors: `out_of_memory`.
  result<void> add(import_items::value_type& item, pace& p);
  /// Takes the file out of its directory again, in any order.
  static void take_back(import_item& item) noexcept;

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
class grafting {
 public:
  explicit grafting(volume_state& v) noexcept : volume_(&v) {}

  /// Makes room for as many. Outside of the lock; throws `std::bad_alloc`.
  void reserve(std::size_t grafts);

  /// Finds their places, and makes sure that what stands there may be replaced. False: the tree
  /// is not as it was planned for. Like all that follows under the tree's exclusive lock, for as
  /// long as which nothing changes: a look-up and a few moves of pointers for each graft.
  bool find_places(const std::vector<graft>& grafts);
  /// Pays for what has changed since the plan. Errors: as `quota::adjust`; `out_of_memory`.
  result<void> pay(const import_plan& plan, reservation& paid) noexcept;
  /// Gives what was replaced to `gone`.
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
  directories_above<directory> above_;
  std::vector<directory> grown_;
  std::vector<entry> places_;
  charge replaced_;
};

}  // namespace coramfs::detail
