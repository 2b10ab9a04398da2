// SPDX-License-Identifier: BSL-1.0
#include "core/gradual_sort.hpp"
#include "core/pace.hpp"
#include "core/path.hpp"
#include "tree/directory_scan.hpp"
#include "tree/long_operations.hpp"

#include <utility>

namespace coramfs::detail {

namespace {

// Looks at a slice of the names, in one hold of the tree's lock.
result<void> see_some(volume_state& v, const path_argument& path, directory_scan& scan, pace& p,
                      std::vector<std::string>& names) {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path));
  const tree::shared_access access(v.names, tree::in_turn);
  BOOST_OUTCOME_TRY(const auto at, v.names.look_up(normal));
  BOOST_OUTCOME_TRY(const auto* directory, at.require_directory());
  if (scan.resume(*directory)) {
    names.clear();
    names.reserve(directory->entries.size());
  }
  scan.advance(p, [&](const node& n) { names.emplace_back(n.name.view()); });
  return boost::outcome_v2::success();
}

}  // namespace

// The directory is seen at one moment, though the lock is let go between slices.
steps<std::vector<std::string>> list(std::shared_ptr<volume_state> v, path_argument path) {
  co_await concerns(call::list, path);
  std::vector<std::string> names;
  directory_scan scan;
  pace p;
  for (;;) {
    BOOST_OUTCOME_CO_TRY(see_some(*v, path, scan, p, names));
    if (scan.is_complete()) break;
    BOOST_OUTCOME_CO_TRY(co_await turn());
  }
  gradual_sort sorted(std::move(names));
  while (sorted.step()) {
    BOOST_OUTCOME_CO_TRY(co_await turn());
  }
  co_return sorted.take();
}

}  // namespace coramfs::detail
