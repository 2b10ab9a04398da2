// SPDX-License-Identifier: BSL-1.0
// A handle whose file others follow.
#include <coramfs/detail/open_file.hpp>

#include "core/error_note.hpp"
#include "handles/flow_end.hpp"
#include "handles/preparation.hpp"
#include "handles/write_operations.hpp"
#include "tree/flow.hpp"
#include "tree/volume_state.hpp"

#include <cstdint>
#include <system_error>
#include <utility>

namespace coramfs::detail {

result<void> open_file::require_growing(call by) const noexcept {
  if (!is_open()) return noted(by, errc::not_open);
  if (!flow_ || flow_->has_ended()) return noted(by, errc::not_supported);
  return boost::outcome_v2::success();
}

// Those who follow the file rely on it that what is there does not change.
result<void> open_file::require_changeable(call by) const noexcept {
  if (flow_) return noted(by, errc::not_supported);
  return boost::outcome_v2::success();
}

// Before a write: what it takes to show its bytes to followers has to be there when it is done.
result<void> open_file::expect_growth(std::uint64_t bytes) noexcept {
  if (!flow_) return boost::outcome_v2::success();
  BOOST_OUTCOME_TRY(require_growing(call::write));
  BOOST_OUTCOME_TRY(storage::require_end(content().size(), bytes));
  return flow_->expect(bytes);
}

result<void> open_file::announce(std::uint64_t size) noexcept {
  BOOST_OUTCOME_TRY(storage::require_end(0, size));
  if (size < size_now()) return errc::invalid_argument;
  flow_->announce(size);
  return boost::outcome_v2::success();
}

// The handle keeps the flow, so that who comes before it is closed need not wait for its lock.
result<void> open_file::finish() noexcept {
  BOOST_OUTCOME_TRY(require_growing(call::finish));
  if (under_way_.op != nullptr) return noted(call::finish, errc::busy);
  drop_prepared();
  const auto announced = flow_->announced();
  if (announced && *announced != content().size())
    return noted(call::finish, errc::invalid_argument);
  drop_reserve();
  content().set_incomplete(false);
  flow_->end(follow_state::complete, std::error_code());
  return boost::outcome_v2::success();
}

result<void> open_file::abandon(const error& why) noexcept {
  BOOST_OUTCOME_TRY(require_growing(call::abandon));
  if (growth_operation* const op = std::exchange(under_way_.op, nullptr)) op->lose_file();
  end_flow(flow_, node_.operator->(), true, volume(), why ? why : error(errc::abandoned));
  let_go();
  return boost::outcome_v2::success();
}

// A producer's word may decide how the file ends that it was handed, and has let go of in the end.
void open_file::give_to_owner() noexcept {
  if (growth_operation* const op = std::exchange(under_way_.op, nullptr)) op->lose_file();
  flow_->give_to_owner(*this);
}

namespace {

// Returns how many bytes the entry was charged. Under the tree's exclusive lock.
std::uint64_t lose_name(file_node& file, volume_state& v) noexcept CORAMFS_REQUIRES(v.tree) {
  if (file.parent == nullptr) return 0;
  const directory_node& in = *file.parent;
  static_cast<void>(v.tree.take_name(file));
  return v.account.of_metadata(entry_footprint(in));
}

}  // namespace

node_use end_flow(flow_ref& of, file_node* file, bool is_begun, volume_state& v,
                  const error& why) noexcept {
  const bool is_abandoned = !of->has_ended();
  const bool is_kept = of->when_abandoned() == on_abandon::keep;
  if (is_abandoned && is_begun && is_kept) file->content.set_incomplete(true);
  node_use settling;
  std::uint64_t entry_bytes = 0;
  if (of->is_listed()) {
    const tree::exclusive_access access(v.tree);
    // Whoever stops what nobody follows any more may have been faster.
    if (of->is_listed()) {
      v.tree.flows().remove(*of);
      if (!is_abandoned) {
        file->is_settling = true;
        settling = node_use(*file, v);
      } else if (is_begun && !is_kept) {
        entry_bytes = lose_name(*file, v);
      }
    }
  }
  if (entry_bytes > 0) v.quota.release({.bytes = entry_bytes});
  if (is_abandoned) of->end(follow_state::abandoned, why);
  of.reset();
  return settling;
}

bool take_out_alone(flow& of, std::uint64_t joins, volume_state& v) noexcept {
  std::uint64_t entry_bytes = 0;
  {
    const tree::exclusive_access access(v.tree);
    if (!of.is_alone_since(joins)) return false;
    if (of.is_listed()) {
      file_node& file = *of.file();
      v.tree.flows().remove(of);
      entry_bytes = lose_name(file, v);
    }
  }
  if (entry_bytes > 0) v.quota.release({.bytes = entry_bytes});
  return true;
}

// Another writer may have finished it since, and let go of its lock as well: it settles with the
// first of them, which is early by no more than what that other one has left to do.
void settle(node_use settling, volume_state& v) noexcept {
  const tree::exclusive_access access(v.tree);
  settling->is_settling = false;
}

}  // namespace coramfs::detail
