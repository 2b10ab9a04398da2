// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/entries.hpp>
#include <coramfs/result.hpp>

#include "core/error_note.hpp"
#include "core/pace.hpp"
#include "core/quota.hpp"
#include "core/steps.hpp"
#include "operations/import_draft.hpp"
#include "operations/import_plan.hpp"
#include "operations/way_clearer.hpp"
#include "tree/volume_state.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// What an import has made so far, where nobody sees it: files of contents, files that are there
/// and get their names, and directories.
///
/// If it is dropped before all is in the tree, all of it goes, with what it was charged.
///
/// Guarded by its operation: one thread at a time. The tree's lock is taken and let go within a
/// call. All may throw `std::bad_alloc` but what is noexcept.
class tree_import {
  reservation paid_;  // declared first, so that it is given back when all else is gone

 public:
  /// `by` is the call that it is for, for the texts of its errors.
  tree_import(volume_state& v, call by, const naming_options& options) noexcept
      : volume_(v),
        by_(by),
        options_(options),
        plan_(v, by, options),
        way_(v, by, options.timeout) {}
  tree_import(const tree_import&) = delete;
  tree_import& operator=(const tree_import&) = delete;
  ~tree_import();

  /// Adds an item, and returns it; null for a directory that is the root, which is always there.
  /// Errors: `invalid_path`, `name_too_long`, `is_a_directory` for a file that is the root.
  result<import_items::value_type*> add_item(std::string_view key, import_item::kind is);

  /// Gives an item of that kind its content.
  void set_content(import_items::value_type& item, bytes content) noexcept {
    has_content_ = has_content_ || !content.empty();
    item.second.content = std::move(content);
  }
  /// Errors: `invalid_argument` if two keys name one file.
  const result<void>& require_no_twins() const noexcept { return twins_; }

  /// Puts all items, of which no two are one, into the tree: checks them against each other, plans,
  /// pays, makes the files and the new directories where nobody sees them, and then puts all of
  /// that into its place.
  friend steps<void> put_into_tree(tree_import& all);
  friend steps<void> take_apart(tree_import& all);

  /// Frees what the last attempt has left, whether it has succeeded or not, and however
  /// `put_into_tree` has ended.
  void end_attempts() noexcept { way_.finish(); }
  /// Takes the file of an item out of the new directory that it may be in.
  void take_back(import_items::value_type& i) noexcept {
    import_draft::take_back(volume_.tree, i.second);
  }
  /// Frees a slice of all that is left, whether the import has succeeded or not. Returns whether
  /// there is more.
  bool drop_some() noexcept;

  pace done;

 private:
  void drop_if_above(import_items::iterator directory);
  result<void> check_key(const std::string& key);
  void begin_plan() { plan_ = import_plan(volume_, by_, options_); }
  result<import_items::iterator> plan_some(import_items::iterator from);
  result<void> pay();
  void begin_draft() { draft_.emplace(volume_.tree, plan_.grafts()); }
  result<bool> make_some(import_items::value_type& item, std::size_t& stored);
  result<void> make_file(import_items::value_type& item);
  result<void> put(import_items::value_type& item) { return draft_->add(item, done); }
  result<bool> link();
  result<bool> link(grafter& all);
  result<void> plan_and_link();
  bool drop_some_drafts() noexcept;

  volume_state& volume_;
  const call by_;
  const naming_options options_;
  import_items items_;
  result<void> twins_ = boost::outcome_v2::success();
  std::vector<std::string_view> beginnings_;  // the last key checked, and those that it begins with
  bool has_content_ = false;
  bool has_directories_ = false;  // among the items
  bool is_paid_ = false;
  bool is_linked_ = false;
  import_plan plan_;
  std::optional<import_draft> draft_;
  disposal gone_;
  way_clearer way_;
};

}  // namespace coramfs::detail
