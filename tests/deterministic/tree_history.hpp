// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/entries.hpp>

#include "deterministic/tree_state.hpp"
#include "support/seeds.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

/// All states that a tree has had, and what one may see of it who looked on from one of them until
/// now. What must hold and does not is thrown.
class tree_history {
 public:
  using names = std::vector<std::string>;
  using moment = std::size_t;

  explicit tree_history(tree_state first) { states_.push_back(std::move(first)); }

  const tree_state& now() const { return states_.back(); }
  moment last() const { return states_.size() - 1; }
  void add(tree_state next) {
    if (!(next == now())) states_.push_back(std::move(next));
  }

  /// Whether it was so at some moment, or at all of them.
  template <class Holds>
  bool once(moment since, Holds holds) const {
    return std::any_of(from(since), states_.end(), holds);
  }
  template <class Holds>
  bool always(moment since, Holds holds) const {
    return std::all_of(from(since), states_.end(), holds);
  }

  /// That there is a file of that size.
  struct is_at {
    std::string path;
    std::uint64_t size;
    bool operator()(const tree_state& s) const { return s.at(path) == size; }
  };

  void check_list(moment since, const std::string& path, const names& seen) const {
    const auto is_it = [&](const tree_state& s) {
      return s.has_directory(path) && s.names_in(path) == seen;
    };
    require(once(since, is_it), "a list is a directory at one moment");
  }

  /// Of all pages of a directory, one after the other.
  void check_pages(moment since, const std::string& directory, names seen) const {
    std::sort(seen.begin(), seen.end());
    require(std::adjacent_find(seen.begin(), seen.end()) == seen.end(), "no name is in two pages");
    for (const std::string& name : seen)
      require(once(since, [&](const tree_state& s) { return s.has(directory + "/" + name); }),
              "a page has what was there");
    for (const std::string& name : states_[since].names_in(directory))
      if (always(since, [&](const tree_state& s) { return s.has(directory + "/" + name); }))
        require(std::binary_search(seen.begin(), seen.end(), name),
                "what is there all the time is in a page");
  }

  void check_walk(moment since, const std::vector<walk_entry>& seen) const {
    std::set<std::string> paths;
    for (const walk_entry& e : seen) {
      const std::string path = e.path == "/" ? "" : e.path;
      require(paths.insert(path).second, "a walk sees a directory once");
      const auto is_it = [&](const tree_state& s) {
        return s.has_directory(path) &&
               s.names_in(path, tree_state::kind::directory) == e.directories &&
               s.names_in(path, tree_state::kind::file) == e.files;
      };
      require(once(since, is_it), "a walk sees a directory at one moment");
    }
    for (const auto& [path, size] : states_[since].all)
      if (always(since, [&, p = path](const tree_state& s) { return s.has_directory(p); }))
        require(paths.contains(path), "a walk sees a directory that is there all the time");
  }

  /// Of a pattern that matches all in a directory.
  void check_glob_in(moment since, const std::string& directory, const names& found) const {
    const auto is_it = [&](const tree_state& s) {
      names all = s.has_directory(directory) ? s.names_in(directory) : names();
      for (std::string& n : all) n = directory + "/" + n;
      return all == found;
    };
    require(once(since, is_it), "a glob sees a directory at one moment");
  }
  /// Of a pattern that matches all.
  void check_glob(moment since, const names& found) const {
    require(std::is_sorted(found.begin(), found.end()), "a glob is sorted");
    require(std::adjacent_find(found.begin(), found.end()) == found.end(), "each is there once");
    for (const std::string& path : found)
      require(once(since, [&](const tree_state& s) { return s.has(path); }),
              "a glob finds what was there");
    for (const auto& [path, size] : states_[since].all)
      if (always(since, [&, p = path](const tree_state& s) { return s.has(p); }))
        require(std::binary_search(found.begin(), found.end(), path),
                "a glob finds what is there all the time");
  }

  void check_export(moment since, const std::string& prefix, const file_map& files) const {
    for (const auto& [path, content] : files)
      require(once(since, is_at{path, content.size()}), "an exported file is whole, and was there");
    for (const auto& [path, size] : states_[since].all)
      if (size != tree_state::is_directory && tree_state::is_below(path, prefix) &&
          always(since, is_at{path, size}))
        require(files.contains(path), "what is there all the time is exported");
  }

  /// Whether a directory that has come is a copy: each file as it was at some moment, and those
  /// are there that were there all the time.
  bool is_copy(moment since, const std::string& of, const tree_state& copied) const {
    const tree_state then = states_[since].below(of);
    const auto was_there = [&](const auto& entry) {
      return once(since, is_at{of + entry.first, entry.second});
    };
    const auto is_right = [&](const auto& entry) {
      return copied.has(entry.first) || !always(since, is_at{of + entry.first, entry.second});
    };
    return std::all_of(copied.all.begin(), copied.all.end(), was_there) &&
           std::all_of(then.all.begin(), then.all.end(), is_right);
  }

 private:
  std::vector<tree_state>::const_iterator from(moment since) const {
    return states_.begin() + static_cast<std::ptrdiff_t>(since);
  }

  std::vector<tree_state> states_;  // one after the other
};

}  // namespace coramfs::tests
