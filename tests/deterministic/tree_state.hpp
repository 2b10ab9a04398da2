// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/entries.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/seeds.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace coramfs::tests {

/// All that can be seen in a tree at one moment: by path, the size of a file, which no other file
/// has, or `is_directory`. The root is not in it.
class tree_state {
 public:
  static constexpr std::uint64_t is_directory = ~std::uint64_t{0};
  using sizes = std::map<std::string, std::uint64_t>;

  sizes all;

  static tree_state of(sync::file_system& fs) {
    tree_state s;
    const auto walked = fs.walk();
    for (const walk_entry& e : walked.value()) {
      const std::string in = e.path == "/" ? "" : e.path;
      if (e.path != "/") s.all[e.path] = is_directory;
      for (const std::string& name : e.files)
        s.all[in + "/" + name] = fs.file_size(in + "/" + name).value();
    }
    return s;
  }
  friend bool operator==(const tree_state& a, const tree_state& b) { return a.all == b.all; }

  static std::string parent(const std::string& path) { return path.substr(0, path.rfind('/')); }
  static bool is_below(const std::string& path, const std::string& directory) {
    return path.starts_with(directory + "/");
  }

  std::optional<std::uint64_t> at(const std::string& path) const {
    const auto found = all.find(path);
    return found == all.end() ? std::optional<std::uint64_t>() : found->second;
  }
  bool has(const std::string& path) const { return all.contains(path); }
  bool has_directory(const std::string& path) const {
    return path.empty() || at(path) == is_directory;
  }
  bool has_file(const std::string& path) const { return has(path) && !has_directory(path); }
  bool has_file_above(std::string path) const {
    for (path = parent(path); !path.empty(); path = parent(path))
      if (has_file(path)) return true;
    return false;
  }
  std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const auto& [path, size] : all) sum += size == is_directory ? 0 : size;
    return sum;
  }
  std::size_t files() const {
    std::size_t n = 0;
    for (const auto& [path, size] : all) n += size != is_directory;
    return n;
  }

  /// The names in a directory, sorted: files, directories, or both.
  enum class kind { file, directory, any };
  std::vector<std::string> names_in(const std::string& directory, kind wanted = kind::any) const {
    std::vector<std::string> names;
    for (const auto& [path, size] : all) {
      const bool fits =
          wanted == kind::any || (wanted == kind::directory) == (size == is_directory);
      if (fits && parent(path) == directory) names.push_back(path.substr(directory.size() + 1));
    }
    return names;
  }
  tree_state below(const std::string& directory) const {
    tree_state part;
    for (const auto& [path, size] : all)
      if (is_below(path, directory)) part.all[path.substr(directory.size())] = size;
    return part;
  }

  // What is done to it.

  tree_state without(const std::string& top) const {
    tree_state rest;
    for (const auto& [path, size] : all)
      if (path != top && !is_below(path, top)) rest.all[path] = size;
    return rest;
  }
  tree_state with(const std::string& path, std::uint64_t size) const {
    tree_state more = *this;
    more.all[path] = size;
    return more;
  }
  tree_state with_all(const sizes& files) const {
    tree_state more = *this;
    for (const auto& [path, size] : files) {
      more.all[path] = size;
      for (std::string d = parent(path); !d.empty(); d = parent(d)) more.all[d] = is_directory;
    }
    return more;
  }
  tree_state renamed(const std::string& from, const std::string& to) const {
    tree_state moved = without(from).without(to).with(to, all.at(from));
    for (const auto& [path, size] : below(from).all) moved.all[to + path] = size;
    return moved;
  }
};

}  // namespace coramfs::tests
