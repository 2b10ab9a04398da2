// SPDX-License-Identifier: BSL-1.0
#include "core/path.hpp"
#include "tree/operations.hpp"

#include <utility>

namespace coramfs::detail {

namespace {

/// A part of the tree that was taken out, and what it was charged for in the table it stood in.
struct removed {
  detached_node top;
  std::uint64_t entry_bytes;
};

// Under the exclusive lock: pointer moves alone.
result<removed> take_out(volume_state& v, node& n) noexcept {
  if (n.is_busy()) return errc::busy;
  const directory_node& in = *n.parent;
  detached_node top = tree::unlink(n);
  return removed{std::move(top), v.payer.of_metadata(entry_footprint(in))};
}

// Outside of it: what was taken out may be large.
void give_back(volume_state& v, removed gone) noexcept {
  charge freed = dispose(std::move(gone.top), v.payer);
  freed.bytes += gone.entry_bytes;
  v.limits.release(freed);
}

template <class Require>
result<removed> take_out_at(volume_state& v, const path_argument& path, Require require) noexcept {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path));
  const tree::exclusive_access access(v.names);
  BOOST_OUTCOME_TRY(const auto at, v.names.look_up(normal));
  BOOST_OUTCOME_TRY(require(at));
  return take_out(v, *at.found);
}

}  // namespace

result<void> remove(volume_state& v, const path_argument& path) noexcept {
  BOOST_OUTCOME_TRY(auto gone,
                    take_out_at(v, path, [](const entry& at) { return at.require_file(); }));
  give_back(v, std::move(gone));
  return boost::outcome_v2::success();
}

result<void> remove_tree(volume_state& v, const path_argument& path) noexcept {
  const auto require = [](const entry& at) -> result<void> {
    BOOST_OUTCOME_TRY(at.require_directory());
    if (at.parent == nullptr) return errc::invalid_argument;
    return boost::outcome_v2::success();
  };
  BOOST_OUTCOME_TRY(auto gone, take_out_at(v, path, require));
  give_back(v, std::move(gone));
  return boost::outcome_v2::success();
}

}  // namespace coramfs::detail
