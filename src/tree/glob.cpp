// SPDX-License-Identifier: BSL-1.0
#include "tree/operations.hpp"
#include "tree/pattern.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace coramfs::detail {

namespace {

/// A directory that is still to be searched, and where the pattern is there.
struct pending {
  const directory_node* directory;
  std::string path;  // empty for the root
  pattern::places places;
};

std::vector<std::string> search(const directory_node& root, const pattern& wanted) {
  std::vector<std::string> found;
  std::vector<pending> rest;
  rest.push_back({&root, {}, wanted.start()});
  while (!rest.empty()) {
    const pending now = std::move(rest.back());
    rest.pop_back();
    const auto visit = [&](const node& n) {
      pattern::step s = wanted.read(now.places, n.name.view());
      const bool descends = n.is_directory && !s.next.empty();
      if (!s.matches && !descends) return;
      std::string path = now.path + '/';
      path += n.name.view();
      if (s.matches) found.push_back(path);
      if (descends)
        rest.push_back(
            {static_cast<const directory_node*>(&n), std::move(path), std::move(s.next)});
    };
    const directory_index& entries = now.directory->entries;
    if (const auto name = wanted.only_name(now.places)) {
      if (const node* const n = entries.find(*name)) visit(*n);
    } else {
      for (const node* n = entries.first(); n != nullptr; n = entries.next(*n)) visit(*n);
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

result<std::vector<std::string>> glob(volume_state& v, const path_argument& text) noexcept try {
  if (!text.valid()) return errc::out_of_memory;
  const pattern wanted(text.view());
  const tree::shared_access access(v.names);
  return search(v.names.root(), wanted);
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

}  // namespace coramfs::detail
