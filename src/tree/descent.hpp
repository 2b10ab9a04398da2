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

/// The directories that a way down the tree is still to visit, last in, first out, however deep
/// the tree is. It may let go of the tree's lock between any two of them, and in the middle of
/// one: what was noted under an earlier hold is looked up anew, for it may have gone, or moved.
///
/// It keeps what was found on the way, too: of a directory that is seen anew, or has gone, what
/// was found and pushed before is dropped.
///
/// Guarded by the tree's lock.
template <class Note>
class descent {
 public:
  struct place {
    const directory_node* directory;  ///< none: it has gone
    std::string path;                 ///< empty for the root
    Note note;
  };

  bool empty() const noexcept { return !visited_ && rest_.empty(); }
  /// To be called once for each hold of the lock, before all else.
  void begin_hold() noexcept { ++hold_; }

  void push(const directory_node& d, std::string path, Note note) {
    rest_.push_back({{&d, std::move(path), std::move(note)}, hold_});
  }

  /// The directory whose turn it is, until `leave`; none: there are no more. One that has gone is
  /// left out, with what was pushed while it was visited.
  const place* current(const tree& names) {
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
  /// Of the current directory.
  directory_scan& scan() noexcept { return scan_; }
  /// Shows some entries of the current directory, `place`, and leaves it after its last. True: a
  /// slice is done.
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
  void leave() noexcept {
    visited_.reset();
    complete_ = found_.size();
  }

  void find(std::string path) {
    longest_ = std::max(longest_, path.size());
    found_.push_back(std::move(path));
  }
  std::vector<std::string> take_found() noexcept { return std::move(found_); }
  /// Bytes, of what was found.
  std::size_t longest() const noexcept { return longest_; }

  /// Drops one of those that are not visited yet. False: there are none.
  bool drop_last() noexcept {
    if (rest_.empty()) return false;
    rest_.pop_back();
    return true;
  }

 private:
  struct noted {
    place at;
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
  std::ptrdiff_t kept_ = 0;  // of rest_, from before the visit
  std::uint64_t hold_ = 0;
  std::vector<std::string> found_;
  std::size_t complete_ = 0;  // of found_, in directories that have been seen as a whole
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

/// A normal path, as a descent has it.
inline std::string descent_path(normal_path path) {
  return std::string(path.is_root() ? std::string_view() : path.text());
}

}  // namespace coramfs::detail
