// SPDX-License-Identifier: BSL-1.0
#include "core/gradual_sort.hpp"
#include "core/pace.hpp"
#include "core/path.hpp"
#include "operations/long_operations.hpp"
#include "tree/directory_scan.hpp"

#include <functional>
#include <utility>

namespace coramfs::detail {

namespace {

// Looks at the directory at a path, in one hold of the tree's lock.
template <class Look>
result<void> look_in(volume_state& v, const path_argument& path, Look look) {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path));
  const tree::shared_access access(v.tree, tree::in_turn);
  BOOST_OUTCOME_TRY(const auto at, v.tree.look_up(normal));
  BOOST_OUTCOME_TRY(const auto* directory, at.require_directory());
  look(*directory);
  return boost::outcome_v2::success();
}

struct by_name {
  bool operator()(const directory_entry& a, const directory_entry& b) const noexcept {
    return a.name < b.name;
  }
};

directory_entry entry_of(const volume_state& v, const node& n) {
  return {std::string(n.name.view()), v.status_of(n)};
}
std::string name_of(const volume_state&, const node& n) { return std::string(n.name.view()); }

// All that is in a directory, as `make` tells it. It is seen at one moment, though the lock is let
// go between slices.
template <class Less, class Item>
steps<std::vector<Item>> list_all(std::shared_ptr<volume_state> v, path_argument path, call by,
                                  Item (*make)(const volume_state&, const node&)) {
  co_await concerns(by, path);
  std::vector<Item> seen, in_vain;
  directory_scan scan;
  pace p;
  for (;;) {
    BOOST_OUTCOME_CO_TRY(look_in(*v, path, [&](const directory_node& in) {
      if (scan.resume(in)) {
        seen.swap(in_vain);
        seen.reserve(in.entries.size());
      }
      scan.advance(p, [&](const node& n) { seen.push_back(make(*v, n)); });
    }));
    while (!in_vain.empty()) {
      in_vain.pop_back();
      if (p.has_done()) {
        BOOST_OUTCOME_CO_TRY(co_await turn());
      }
    }
    if (scan.is_complete()) break;
    BOOST_OUTCOME_CO_TRY(co_await turn());
  }
  gradual_sort<Item, Less> sorted(std::move(seen));
  while (sorted.step()) {
    BOOST_OUTCOME_CO_TRY(co_await turn());
  }
  co_return sorted.take();
}

}  // namespace

steps<std::vector<std::string>> list(std::shared_ptr<volume_state> v, path_argument path) {
  return list_all<std::less<>>(std::move(v), std::move(path), call::list, name_of);
}

steps<std::vector<directory_entry>> list_entries(std::shared_ptr<volume_state> v,
                                                 path_argument path) {
  return list_all<by_name>(std::move(v), std::move(path), call::list_entries, entry_of);
}

// A slice goes on behind the last name of the one before, as a page does behind that of another.
steps<std::vector<directory_entry>> list_some(std::shared_ptr<volume_state> v, path_argument path,
                                              path_argument after, std::size_t most) {
  co_await concerns(call::list_some, path);
  if (!after.valid()) co_return errc::out_of_memory;
  if (most == 0) co_return errc::invalid_argument;
  if (after.view().size() > max_name_size) co_return errc::name_too_long;
  std::vector<directory_entry> seen;
  pace p;
  for (bool is_end = false;;) {
    BOOST_OUTCOME_CO_TRY(look_in(*v, path, [&](const directory_node& in) {
      auto at = in.entries.position_of(seen.empty() ? after.view() : seen.back().name);
      for (bool is_slice = false; seen.size() < most && !is_slice; is_slice = p.has_done()) {
        std::uint64_t steps = 0;
        const node* const next = in.entries.first_behind(at, &steps);
        p.add(0, steps);
        is_end = next == nullptr;
        if (is_end) return;
        seen.push_back(entry_of(*v, *next));
        at = directory_index::position_of(*next);
      }
    }));
    if (is_end || seen.size() == most) break;
    BOOST_OUTCOME_CO_TRY(co_await turn());
  }
  co_return seen;
}

}  // namespace coramfs::detail
