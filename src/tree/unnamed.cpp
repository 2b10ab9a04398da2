// SPDX-License-Identifier: BSL-1.0
#include "tree/unnamed.hpp"

#include "core/error_note.hpp"
#include "storage/backlog.hpp"
#include "tree/tree.hpp"
#include "tree/writing.hpp"

#include <array>
#include <cassert>
#include <utility>

namespace coramfs::detail {

namespace {

// Gives back what the name of a file is charged that has lost it.
void drop_name(volume_state& v, file_node& file) noexcept {
  const std::uint64_t bytes = v.payer.of_metadata(node_name::footprint(file.name.size()));
  file.name = node_name();
  v.limits.release({.bytes = bytes});
}

}  // namespace

// The use itself counts nothing where there is no parent.
node_use use_unnamed(volume_state& v, std::unique_ptr<file_node> file) noexcept {
  file->users.store(node::unnamed | 1, std::memory_order_relaxed);
  node_use use(*file.release(), v);
  [[maybe_unused]] const bool is_locked = use->lock.try_lock(fair_lock::kind::exclusive);
  assert(is_locked);
  use.hold(fair_lock::kind::exclusive);
  return use;
}

void forget_records(volume_state& v) noexcept { const tree::exclusive_access access(v.names); }

void drop_unnamed(volume_state& v, std::unique_ptr<file_node> file) noexcept {
  const charge given = file_charge(*file, v.payer);
  file.reset();
  v.limits.release(given);
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

bool open_file::is_unnamed() const noexcept { return node_->parent == nullptr; }

result<void> open_file::require_alone() const noexcept {
  if (node_->users.load(std::memory_order_acquire) == (node::unnamed | 1))
    return boost::outcome_v2::success();
  const tree::shared_access access(volume().names);
  return about(call::unknown, {}, errc::busy, volume().names.who_has(*node_));
}

taken_file open_file::take_unnamed() noexcept {
  if (growing* const op = std::exchange(under_way_.op, nullptr)) op->lose_file();
  give_up_rest();
  taken_file taken;
  handle_entry entry;
  if (record_ != nullptr && record_->read(entry)) taken.label = entry.label;
  volume_state& v = volume();
  v.names.handles().remove(std::exchange(record_, nullptr));
  taken.file = node_.take_unnamed();
  drop_name(v, *taken.file);
  return taken;
}

void open_file::give_back(volume_state& v, taken_file taken) noexcept {
  std::array<char, label_text::max_size + 1> label{};
  taken.label.view().copy(label.data(), label_text::max_size);
  node_ = use_unnamed(v, std::move(taken.file));
  node_.make_handle();
  record_ = v.names.handles().add(*node_, mode_, label.front() != '\0' ? label.data() : nullptr);
}

}  // namespace coramfs::detail
