// SPDX-License-Identifier: BSL-1.0
#include "tree/removing.hpp"

#include "core/error_note.hpp"
#include "core/path.hpp"
#include "tree/operations.hpp"

namespace coramfs::detail {

namespace {

/// A part of the tree that was taken out, and the charge of its entry in the directory it was in.
struct removed {
  detached_node top;
  std::uint64_t entry_bytes;
};

// Takes what is at a path out of the tree, if `require` allows it and it is not busy.
template <class Require>
result<removed> take_out_at(volume_state& v, const path_argument& path, Require require) noexcept {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path));
  const tree::exclusive_access access(v.names);
  BOOST_OUTCOME_TRY(const auto at, v.names.look_up(normal));
  BOOST_OUTCOME_TRY(require(at));
  node& n = *at.found;
  BOOST_OUTCOME_TRY(v.names.require_idle(n));
  const directory_node& in = *n.parent;
  detached_node top = v.names.unlink(n);
  return removed{std::move(top), v.payer.of_metadata(entry_footprint(in))};
}

// Takes out one node with nothing below it, and frees it outside of the lock, in one go.
template <class Require>
result<void> remove_one(volume_state& v, const path_argument& path, Require require) noexcept {
  BOOST_OUTCOME_TRY(auto gone, take_out_at(v, path, require));
  disposal one(std::move(gone.top));
  charge freed = one.step(v.payer);
  freed.bytes += gone.entry_bytes;
  v.limits.release(freed);
  return boost::outcome_v2::success();
}

// The root is no such directory.
result<directory_node*> require_removable_directory(const entry& at) noexcept {
  BOOST_OUTCOME_TRY(auto* const directory, at.require_directory());
  if (at.parent == nullptr) return errc::invalid_argument;
  return directory;
}

}  // namespace

result<void> remove(volume_state& v, const path_argument& path) noexcept {
  return noting(call::remove, path, [&] {
    return remove_one(v, path, [](const entry& at) { return at.require_file(); });
  });
}

// What creates something in it does so under the same lock, before or after.
result<void> remove_directory(volume_state& v, const path_argument& path) noexcept {
  const auto require = [](const entry& at) -> result<void> {
    BOOST_OUTCOME_TRY(const auto* directory, require_removable_directory(at));
    if (directory->entries.size() != 0) return errc::directory_not_empty;
    return boost::outcome_v2::success();
  };
  return noting(call::remove_directory, path, [&] { return remove_one(v, path, require); });
}

removing::~removing() {
  while (rest_ && free_slice()) continue;
}

progress removing::advance() noexcept {
  if (!rest_) {
    if (const auto taken = take_out(); !taken) {
      status_ = about(call::remove_tree, path_.view(), taken.error());
      return progress::done;
    }
  }
  return free_slice() ? progress::yields : progress::done;
}

result<void> removing::take_out() noexcept {
  BOOST_OUTCOME_TRY(auto gone, take_out_at(*volume_, path_, require_removable_directory));
  rest_.emplace(std::move(gone.top));
  entry_bytes_ = gone.entry_bytes;
  return boost::outcome_v2::success();
}

// Frees a slice, and gives back what it was charged. Returns whether there is more.
bool removing::free_slice() noexcept {
  charge freed = rest_->step(volume_->payer);
  freed.bytes += std::exchange(entry_bytes_, 0);
  volume_->limits.release(freed);
  return !rest_->is_done();
}

}  // namespace coramfs::detail
