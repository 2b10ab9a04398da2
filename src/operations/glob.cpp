// SPDX-License-Identifier: BSL-1.0
#include "core/gradual_sort.hpp"
#include "core/pace.hpp"
#include "operations/long_operations.hpp"
#include "tree/descent.hpp"
#include "tree/pattern.hpp"

#include <utility>

namespace coramfs::detail {

namespace {

/// The directories that matches may be in, each with the places that the pattern is in there.
using pattern_search = descent<pattern::places>;

void see(pattern_search& rest, pattern& wanted, pace& p, const pattern_search::visit& at,
         const node& n) {
  pattern::step s = wanted.read(at.note, n.name.view());
  p.add(0, s.work);
  const bool descends = n.is_directory && !s.next.empty();
  if (!s.matches && !descends) return;
  std::string path = join(at.path, n.name.view());
  p.add(path.size());
  if (s.matches) rest.find(path);
  if (descends)
    rest.push(static_cast<const directory_node&>(n), std::move(path), std::move(s.next));
}

// Looks at entries of a directory: at the only one that can match, if that is known, and else at
// some of all. Returns whether a slice is done.
bool visit(pattern_search& rest, pattern& wanted, pace& p, const pattern_search::visit& at) {
  const auto name = wanted.only_name(at.note);
  if (!name)
    return rest.scan(p, [&](const auto& in, const node& n) { see(rest, wanted, p, in, n); });
  rest.forget();
  if (const node* const n = at.directory->entries.find(*name)) see(rest, wanted, p, at, *n);
  rest.leave();
  return p.has_done();
}

// Does a slice of the search, in one hold of the tree's lock. Returns whether there is more.
bool search_on(volume_state& v, pattern_search& rest, pattern& wanted, pace& p) {
  const tree::shared_access access(v.tree, tree::in_turn);
  rest.begin_hold();
  while (const auto* const at = rest.current(v.tree))
    if (visit(rest, wanted, p, *at) && !rest.empty()) return true;
  return false;
}

}  // namespace

// Each directory is seen at one moment, and the lock is let go between slices.
steps<std::vector<std::string>> glob(std::shared_ptr<volume_state> v, path_argument text) {
  co_await concerns(call::glob, text);
  if (!text.valid()) co_return errc::out_of_memory;
  if (text.view().size() > pattern::max_size) co_return errc::name_too_long;
  pattern wanted(text.view());
  pattern_search rest;
  {
    const tree::shared_access access(v->tree);
    rest.push(v->tree.root(), {}, wanted.start());
  }
  pace p;
  while (search_on(*v, rest, wanted, p)) {
    BOOST_OUTCOME_CO_TRY(co_await turn());
  }
  gradual_sort sorted(rest.take_found(), rest.longest());
  while (sorted.step()) {
    BOOST_OUTCOME_CO_TRY(co_await turn());
  }
  co_return sorted.take();
}

}  // namespace coramfs::detail
