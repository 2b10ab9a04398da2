// SPDX-License-Identifier: BSL-1.0
#include "core/gradual_sort.hpp"
#include "core/pace.hpp"
#include "core/path.hpp"
#include "operations/long_operations.hpp"
#include "tree/descent.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace coramfs::detail {

namespace {

/// A way through the tree, depth first and in order, without recursion. One operation's own;
/// `go_on` takes the tree's lock.
class tree_walk {
 public:
  explicit tree_walk(volume_state& v) noexcept : volume_(v) {}

  /// Why it has let go of the lock.
  enum class stop { slice_is_done, names_are_to_be_sorted, all_is_seen };

  /// Goes on for a slice, in one hold of the lock; the first call begins at `path`.
  result<stop> go_on(const path_argument& path) {
    const tree::shared_access access(volume_.tree, tree::in_turn);
    if (hold_++ == 0) {
      BOOST_OUTCOME_TRY(begin(path));
    }
    for (;;) {
      if (!is_scanning_ && !enter_next()) return stop::all_is_seen;
      const bool is_slice = scan();
      if (has_unsorted_names()) return stop::names_are_to_be_sorted;
      if (is_slice) return stop::slice_is_done;
    }
  }

  /// The directory whose names are to be sorted, after `names_are_to_be_sorted`.
  walk_entry& last() noexcept { return entries_.back(); }
  std::vector<walk_entry> take() noexcept { return std::move(entries_); }

 private:
  /// A directory on the way down.
  struct level {
    std::size_t entry;                // its number in entries_
    std::size_t next;                 // the next one of its subdirectories
    const directory_node* directory;  // null if it has gone
    std::uint64_t hold;               // the hold of the lock in which that was found
  };

  result<void> begin(const path_argument& path) CORAMFS_REQUIRES_SHARED(volume_.tree) {
    path_buffer buffer;
    BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path));
    BOOST_OUTCOME_TRY(const auto at, volume_.tree.look_up(normal));
    BOOST_OUTCOME_TRY(const auto* top, at.require_directory());
    enter(std::string(normal.text()), top);
    return boost::outcome_v2::success();
  }

  // Enters the next subdirectory, depth first. Returns whether there was one.
  bool enter_next() CORAMFS_REQUIRES_SHARED(volume_.tree) {
    while (!levels_.empty()) {
      level& l = levels_.back();
      const walk_entry& e = entries_[l.entry];
      // A directory that is done with is not looked up again: that would take time with its path.
      const directory_node* const in = l.next < e.directories.size() ? find(l) : nullptr;
      if (in == nullptr) {
        levels_.pop_back();
        continue;
      }
      const std::string& name = e.directories[l.next++];
      const node* const found = in->entries.find(name);
      const bool is_there = found != nullptr && found->is_directory;
      enter(join(e.path == "/" ? "" : e.path, name),
            is_there ? static_cast<const directory_node*>(found) : nullptr);
      return true;
    }
    return false;
  }

  void enter(std::string path, const directory_node* d) {
    pace_.add(path.size());
    levels_.push_back({entries_.size(), 0, d, hold_});
    entries_.push_back({std::move(path), {}, {}});
    scan_ = {};
    is_scanning_ = true;
  }

  const directory_node* find(level& l) const noexcept CORAMFS_REQUIRES_SHARED(volume_.tree) {
    if (std::exchange(l.hold, hold_) != hold_)
      l.directory = find_directory(volume_.tree, entries_[l.entry].path);
    return l.directory;
  }

  // Looks at entries of the deepest level. Returns whether a slice is done.
  bool scan() CORAMFS_REQUIRES_SHARED(volume_.tree) {
    const directory_node* const d = find(levels_.back());
    if (d == nullptr) {
      levels_.pop_back();
      entries_.pop_back();
      is_scanning_ = false;
      return pace_.has_done();
    }
    walk_entry& e = entries_.back();
    if (scan_.resume(*d)) {
      e.directories.clear();
      e.files.clear();
    }
    const bool is_slice = scan_.advance(pace_, [&e](const node& n) {
      (n.is_directory ? e.directories : e.files).emplace_back(n.name.view());
    });
    if (scan_.is_complete()) end_scan(e);
    return is_slice;
  }

  // Few names are sorted here, under the lock; many are left to be sorted without it, in slices.
  void end_scan(walk_entry& e) {
    is_scanning_ = false;
    is_large_ = e.directories.size() + e.files.size() > pace::nodes_in_slice();
    if (is_large_) return;
    std::sort(e.directories.begin(), e.directories.end());
    std::sort(e.files.begin(), e.files.end());
  }
  bool has_unsorted_names() noexcept { return std::exchange(is_large_, false); }

  volume_state& volume_;
  std::vector<level> levels_;
  bool is_scanning_ = false;  // whether the deepest level is being looked at
  bool is_large_ = false;     // whether the last directory has names that are yet to be sorted
  directory_scan scan_;
  std::uint64_t hold_ = 0;
  pace pace_;
  std::vector<walk_entry> entries_;
};

}  // namespace

// Each directory is seen at one moment, and the lock is let go between slices.
steps<std::vector<walk_entry>> walk(std::shared_ptr<volume_state> v, path_argument path) {
  co_await concerns(call::walk, path);
  tree_walk seen(*v);
  for (;;) {
    BOOST_OUTCOME_CO_TRY(const auto stopped, seen.go_on(path));
    if (stopped == tree_walk::stop::all_is_seen) break;
    BOOST_OUTCOME_CO_TRY(co_await turn());
    if (stopped == tree_walk::stop::slice_is_done) continue;
    walk_entry& large = seen.last();
    for (auto* const names : std::array{&large.directories, &large.files}) {
      gradual_sort sorted(std::move(*names));
      while (sorted.step()) {
        BOOST_OUTCOME_CO_TRY(co_await turn());
      }
      *names = sorted.take();
    }
  }
  co_return seen.take();
}

}  // namespace coramfs::detail
