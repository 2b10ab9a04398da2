// SPDX-License-Identifier: BSL-1.0
#include "tree/unnamed.hpp"

#include "storage/backlog.hpp"
#include "tree/tree.hpp"
#include "tree/writing.hpp"

#include <array>
#include <cassert>
#include <utility>

namespace coramfs::detail {

node_use use_unnamed(std::unique_ptr<file_node> file) noexcept {
  node_use use(*file.release());
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

bool open_file::is_unnamed() const noexcept { return node_->parent == nullptr; }

taken_file open_file::take_unnamed() noexcept {
  if (growing* const op = std::exchange(under_way_.op, nullptr)) op->lose_file();
  give_up_rest();
  taken_file taken;
  handle_entry entry;
  if (record_ != nullptr && record_->read(entry)) taken.label = entry.label;
  volume().names.handles().remove(std::exchange(record_, nullptr));
  taken.file.reset(&*node_);
  node_.release();
  return taken;
}

void open_file::give_back(volume_state& v, taken_file taken) noexcept {
  std::array<char, label_text::max_size + 1> label{};
  taken.label.view().copy(label.data(), label_text::max_size);
  node_ = use_unnamed(std::move(taken.file));
  node_.make_handle(v);
  record_ = v.names.handles().add(*node_, mode_, label.front() != '\0' ? label.data() : nullptr);
}

void open_file::drop_unnamed() noexcept {
  volume_state& v = volume();
  const life_hold alive = keep_volume();
  backlog given_up;
  {
    const backlog::collecting collected(given_up);
    taken_file taken = take_unnamed();
    forget_records(v);
    detail::drop_unnamed(v, std::move(taken.file));
  }
  given_up.free_some();
}

}  // namespace coramfs::detail
