// SPDX-License-Identifier: BSL-1.0
#include "core/path.hpp"
#include "tree/operations.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace coramfs::detail {

namespace {

/// A directory that is still to be visited.
struct pending {
  const directory_node* directory;
  std::string path;
};

std::string join(const std::string& directory, std::string_view name) {
  std::string path;
  path.reserve(directory.size() + 1 + name.size());
  if (directory != "/") path = directory;
  path += '/';
  path += name;
  return path;
}

std::vector<const node*> sorted_entries(const directory_node& d) {
  std::vector<const node*> nodes;
  nodes.reserve(d.entries.size());
  for (const node* n = d.entries.first(); n != nullptr; n = d.entries.next(*n)) nodes.push_back(n);
  std::sort(nodes.begin(), nodes.end(),
            [](const node* a, const node* b) { return a->name.view() < b->name.view(); });
  return nodes;
}

walk_entry describe(const std::string& path, const std::vector<const node*>& nodes) {
  walk_entry e{path, {}, {}};
  for (const node* n : nodes)
    (n->is_directory ? e.directories : e.files).emplace_back(n->name.view());
  return e;
}

// Depth first and in order, without recursion: the tree may be deeper than the stack.
std::vector<walk_entry> walk_from(const directory_node& top, std::string path) {
  std::vector<walk_entry> entries;
  std::vector<pending> rest;
  rest.push_back({&top, std::move(path)});
  while (!rest.empty()) {
    const pending now = std::move(rest.back());
    rest.pop_back();
    const auto nodes = sorted_entries(*now.directory);
    entries.push_back(describe(now.path, nodes));
    for (auto n = nodes.rbegin(); n != nodes.rend(); ++n)
      if ((*n)->is_directory)
        rest.push_back({static_cast<const directory_node*>(*n), join(now.path, (*n)->name.view())});
  }
  return entries;
}

// Errors: none for a path that names nothing.
result<std::vector<std::string>> collect_files(const tree& names, normal_path path,
                                               const export_options& options) {
  std::vector<std::string> files;
  const auto at = names.look_up(path);
  if (!at || at.value().found == nullptr) return files;
  const auto add = [&](const node& n, std::string p) {
    if (!options.only_dirty || static_cast<const file_node&>(n).status().generation > 0)
      files.push_back(std::move(p));
  };
  const node& top = *at.value().found;
  if (!top.is_directory) {
    add(top, std::string(path.text()));
    return files;
  }
  std::vector<pending> rest;
  rest.push_back({static_cast<const directory_node*>(&top), std::string(path.text())});
  while (!rest.empty()) {
    const pending now = std::move(rest.back());
    rest.pop_back();
    const directory_index& entries = now.directory->entries;
    for (const node* n = entries.first(); n != nullptr; n = entries.next(*n)) {
      std::string p = join(now.path, n->name.view());
      if (n->is_directory) {
        rest.push_back({static_cast<const directory_node*>(n), std::move(p)});
      } else {
        add(*n, std::move(p));
      }
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

result<std::vector<walk_entry>> walk(volume_state& v, const path_argument& path) noexcept try {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path));
  const tree::shared_access access(v.names);
  BOOST_OUTCOME_TRY(const auto at, v.names.look_up(normal));
  BOOST_OUTCOME_TRY(const auto* top, at.require_directory());
  return walk_from(*top, std::string(normal.text()));
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

result<std::vector<std::string>> files_below(volume_state& v, const path_argument& path,
                                             const export_options& options) noexcept try {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path));
  const tree::shared_access access(v.names);
  return collect_files(v.names, normal, options);
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

}  // namespace coramfs::detail
