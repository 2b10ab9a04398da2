// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "core/path.hpp"
#include "tree/tree.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// The directories that a way down the tree is still to visit, last in, first out, however deep
/// the tree is. It may let go of the tree's lock between any two of them: what was noted under an
/// earlier hold is looked up anew, for it may have gone, or moved.
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

  bool empty() const noexcept { return rest_.empty(); }
  /// To be called once for each hold of the lock, before all else.
  void begin_hold() noexcept { ++hold_; }

  void push(const directory_node& d, std::string path, Note note) {
    rest_.push_back({{&d, std::move(path), std::move(note)}, hold_});
  }
  place take(const tree& names) {
    noted last = std::move(rest_.back());
    rest_.pop_back();
    if (last.hold != hold_) last.at.directory = look_up(names, last.at.path);
    return std::move(last.at);
  }

 private:
  struct noted {
    place at;
    std::uint64_t hold;
  };

  static const directory_node* look_up(const tree& names, std::string_view path) noexcept {
    const auto at = names.look_up(normal_path::given_out(path.empty() ? "/" : path));
    const auto found = at ? at.value().require_directory() : at.error();
    return found ? found.value() : nullptr;
  }

  std::vector<noted> rest_;
  std::uint64_t hold_ = 0;
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
