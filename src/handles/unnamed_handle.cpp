// SPDX-License-Identifier: BSL-1.0
// A handle whose file has no name.
#include <coramfs/detail/open_file.hpp>

#include "core/error_note.hpp"
#include "handles/write_operations.hpp"
#include "tree/tree.hpp"
#include "tree/unnamed.hpp"
#include "tree/volume_state.hpp"

#include <array>
#include <utility>

namespace coramfs::detail {

bool open_file::is_unnamed() const noexcept { return node_->parent == nullptr; }

bool open_file::is_of(const volume_state& v) const noexcept { return &volume() == &v; }

// Under the tree's lock, for whoever takes the name is not done with the node before he lets go of
// that.
result<void> open_file::require_alone() const noexcept {
  BOOST_OUTCOME_TRY(require_changeable(call::unknown));
  const tree::shared_access access(volume().tree);
  if (node_->users.load(std::memory_order_acquire) == (node::unnamed | 1))
    return boost::outcome_v2::success();
  return about(call::unknown, {}, errc::busy, volume().tree.who_has(*node_));
}

taken_file open_file::take_unnamed() noexcept {
  if (growth_operation* const op = std::exchange(under_way_.op, nullptr)) op->lose_file();
  give_up_rest();
  taken_file taken;
  handle_entry entry;
  if (record_ != nullptr && record_->read(entry)) {
    taken.label = entry.label;
    taken.since = std::chrono::steady_clock::time_point(entry.since);
    taken.is_recorded = true;
  }
  volume_state& v = volume();
  v.tree.handles().remove(std::exchange(record_, nullptr));
  taken.file = node_.take_unnamed();
  return taken;
}

void open_file::give_back(volume_state& v, taken_file taken) noexcept {
  std::array<char, label_text::max_size + 1> label{};
  taken.label.view().copy(label.data(), label_text::max_size);
  node_ = use_unnamed(v, std::move(taken.file));
  node_.make_handle();
  const char* const shown = label.front() != '\0' ? label.data() : nullptr;
  handle_table& handles = v.tree.handles();
  record_ = taken.is_recorded ? handles.add(*node_, opened_with_, shown, taken.since)
                              : handles.add(*node_, opened_with_, shown);
}

}  // namespace coramfs::detail
