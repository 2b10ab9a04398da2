// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "core/pace.hpp"
#include "core/path.hpp"
#include "tree/directory_scan.hpp"
#include "tree/tree.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// The directories that a way down the tree is still to visit, last in, first out. It takes no
/// recursion, however deep the tree is. Its user may let go of the tree's lock between any two
/// directories, and in the middle of one: a directory that was noted under an earlier hold is
/// looked up anew by its path, for it may have gone or moved.
///
/// It keeps the paths that were found on the way, too. If a directory is begun anew, or has gone,
/// what was found and pushed while it was visited is dropped. Each entry has a `Note` of its
/// user's.
///
/// Guarded by its operation: one thread at a time. Whatever looks at a directory needs the tree's
/// lock as well, shared or exclusive.
template <class Note>
class descent {
 public:
  struct visit {
    const directory_node* directory;  ///< null if it has gone
    std::string path;                 ///< empty for the root
    Note note;
  };

  bool empty() const noexcept { return !visited_ && rest_.empty(); }
  /// To be called once for each hold of the lock, before all else.
  void begin_hold() noexcept { ++hold_; }

  void push(const directory_node& d, std::string path, Note note) {
    rest_.push_back({{&d, std::move(path), std::move(note)}, hold_});
  }

  /// The directory whose turn it is, until `leave`, or null if there are no more. A directory that
  /// has gone is left out, with what was found and pushed while it was visited.
  const visit* current(const tree& names) CORAMFS_REQUIRES_SHARED(names) {
    for (;;) {
      if (!visited_ && !take()) return nullptr;
      if (visited_->hold != hold_) {
        visited_->at.directory = find_directory(names, visited_->at.path);
        visited_->hold = hold_;
      }
      if (visited_->at.directory != nullptr) return &visited_->at;
      forget();
      leave();
    }
  }
  /// The scan of the current directory.
  directory_scan& scan() noexcept { return scan_; }
  /// Shows some entries of the current directory by `see(place, node)`, and leaves it after the
  /// last. Returns whether a slice is done.
  template <class See>
  bool scan(pace& p, See see) {
    if (scan_.resume(*visited_->at.directory)) forget();
    const bool is_slice = scan_.advance(p, [&](const node& n) { see(visited_->at, n); });
    if (scan_.is_complete()) leave();
    return is_slice;
  }
  /// Drops what was pushed and found while the current directory was visited.
  void forget() noexcept {
    rest_.erase(rest_.begin() + kept_, rest_.end());
    found_.resize(complete_);
  }
  /// Ends the visit of the current directory, and keeps what was found in it.
  void leave() noexcept {
    visited_.reset();
    complete_ = found_.size();
  }

  /// Notes a path that was found.
  void find(std::string path) {
    longest_ = std::max(longest_, path.size());
    found_.push_back(std::move(path));
  }
  std::vector<std::string> take_found() noexcept { return std::move(found_); }
  /// How many bytes the longest path has that was found.
  std::size_t longest() const noexcept { return longest_; }

  /// Drops one directory that is not visited yet. Returns whether there was one.
  bool drop_last() noexcept {
    if (rest_.empty()) return false;
    rest_.pop_back();
    return true;
  }

 private:
  struct noted {
    visit at;
    std::uint64_t hold;
  };

  bool take() {
    if (rest_.empty()) return false;
    visited_.emplace(std::move(rest_.back()));
    rest_.pop_back();
    scan_ = {};
    kept_ = static_cast<std::ptrdiff_t>(rest_.size());
    return true;
  }

  std::vector<noted> rest_;
  std::optional<noted> visited_;
  directory_scan scan_;
  std::ptrdiff_t kept_ = 0;  // how many of rest_ were there before the current visit
  std::uint64_t hold_ = 0;   // a number for each hold of the lock
  std::vector<std::string> found_;
  std::size_t complete_ = 0;  // how many of found_ are in directories that were seen as a whole
  std::size_t longest_ = 0;
};

/// The path of what has a name in a directory; the root's path is empty.
inline std::string join(std::string_view directory, std::string_view name) {
  std::string path;
  path.reserve(directory.size() + 1 + name.size());
  path += directory;
  path += '/';
  path += name;
  return path;
}

/// A normal path as a descent notes it: the root's is empty.
inline std::string descent_path(normal_path path) {
  return std::string(path.is_root() ? std::string_view() : path.text());
}

}  // namespace coramfs::detail
