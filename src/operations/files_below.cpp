// SPDX-License-Identifier: BSL-1.0
#include "core/gradual_sort.hpp"
#include "core/pace.hpp"
#include "core/path.hpp"
#include "operations/long_operations.hpp"
#include "tree/descent.hpp"

#include <utility>

namespace coramfs::detail {

namespace {

struct nothing {};
using file_search = descent<nothing>;

void see_file(file_search& rest, const export_options& options, const node& file,
              std::string path) {
  const bool is_dirty = static_cast<const file_node&>(file).status().generation != 0;
  if (is_dirty || !options.only_dirty) rest.find(std::move(path));
}

// Begins the search at a path. One that names nothing has no files, which is no failure.
result<void> begin(volume_state& v, file_search& rest, const export_options& options,
                   const path_argument& path) {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path));
  const tree::shared_access access(v.tree, tree::in_turn);
  const auto at = v.tree.look_up(normal);
  if (!at || at.value().found == nullptr) return boost::outcome_v2::success();
  const node& top = *at.value().found;
  if (top.is_directory) {
    rest.push(static_cast<const directory_node&>(top), descent_path(normal), {});
  } else {
    see_file(rest, options, top, std::string(normal.text()));
  }
  return boost::outcome_v2::success();
}

// Does a slice of the search, in one hold of the tree's lock. Returns whether there is more.
bool search_on(volume_state& v, file_search& rest, const export_options& options, pace& p) {
  const auto see = [&](const file_search::visit& at, const node& n) {
    std::string path = join(at.path, n.name.view());
    p.add(path.size());
    if (!n.is_directory) return see_file(rest, options, n, std::move(path));
    rest.push(static_cast<const directory_node&>(n), std::move(path), {});
  };
  const tree::shared_access access(v.tree, tree::in_turn);
  rest.begin_hold();
  while (rest.current(v.tree) != nullptr)
    if (rest.scan(p, see) && !rest.empty()) return true;
  return false;
}

}  // namespace

// Each directory is seen at one moment, and the lock is let go between slices.
steps<std::vector<std::string>> files_below(std::shared_ptr<volume_state> v, path_argument path,
                                            export_options options, call by) {
  co_await concerns(by, path);
  file_search rest;
  BOOST_OUTCOME_CO_TRY(begin(*v, rest, options, path));
  pace p;
  while (search_on(*v, rest, options, p)) {
    BOOST_OUTCOME_CO_TRY(co_await turn());
  }
  gradual_sort sorted(rest.take_found(), rest.longest());
  while (sorted.step()) {
    BOOST_OUTCOME_CO_TRY(co_await turn());
  }
  co_return sorted.take();
}

}  // namespace coramfs::detail
