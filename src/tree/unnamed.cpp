// SPDX-License-Identifier: BSL-1.0
#include "tree/unnamed.hpp"

#include "storage/backlog.hpp"
#include "tree/tree.hpp"

#include <cassert>
#include <utility>

namespace coramfs::detail {

// The use itself counts nothing where there is no parent.
node_use use_unnamed(volume_state& v, std::unique_ptr<file_node> file) noexcept {
  file->users.store(node::unnamed | 1, std::memory_order_relaxed);
  node_use use(*file.release(), v);
  [[maybe_unused]] const bool is_locked = use->lock.try_lock(fair_lock::kind::exclusive);
  assert(is_locked);
  use.hold(fair_lock::kind::exclusive);
  return use;
}

void forget_records(volume_state& v) noexcept { const tree::exclusive_access access(v.tree); }

void drop_unnamed(volume_state& v, std::unique_ptr<file_node> file) noexcept {
  const charge given = file_charge(*file, v.account);
  file.reset();
  v.quota.release(given);
}

void free_unnamed(volume_state& v, file_node& file) noexcept {
  backlog given_up;
  {
    const backlog::collecting collected(given_up);
    forget_records(v);
    drop_unnamed(v, std::unique_ptr<file_node>(&file));
  }
  given_up.free_some();
}

std::unique_ptr<file_node> node_use::take_unnamed() noexcept {
  std::unique_ptr<file_node> file(std::exchange(node_, nullptr));
  file->users.store(0, std::memory_order_relaxed);
  file->lock.restore();
  if ((ticket_ & hold_mark::is_handle) != 0) whole_->drop(lifetime::by::handle, lane_of(*file));
  return file;
}

}  // namespace coramfs::detail
