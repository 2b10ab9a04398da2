// SPDX-License-Identifier: BSL-1.0
#include "core/funding.hpp"

#include "core/reclaimer.hpp"

namespace coramfs::detail {

bool funding::asks_after(const error& e) const noexcept {
  if (quota_ == nullptr || quota_->asked() == nullptr) return false;
  if (e != errc::quota_exceeded && e != errc::node_limit_exceeded) return false;
  const bool was_asked = e == errc::quota_exceeded ? has_asked_for_bytes_ : has_asked_for_nodes_;
  return !was_asked && !quota_->asked()->is_in_callback();
}

bool funding::can_ever_fit(const error& e, std::uint64_t own) const noexcept {
  if (e == errc::node_limit_exceeded) return e.requested() <= quota_->max_nodes();
  const std::uint64_t most = quota_->max_bytes();
  return own <= most && e.requested() <= most - own;
}

// What the callback itself would wait for is nobody's to free but its own.
std::optional<space_claim> funding::claim_after(const error& e, std::uint64_t own) noexcept {
  if (!may_wait_after(e) || !can_ever_fit(e, own)) return {};
  reclaimer* const callback = quota_->asked();
  if (asks_after(e)) {
    const errc limit = e == errc::quota_exceeded ? errc::quota_exceeded : errc::node_limit_exceeded;
    auto part = callback->ask(limit, e.requested());
    const bool is_for_it = part == nullptr || part->is_shared();
    if (is_for_it)
      (limit == errc::quota_exceeded ? has_asked_for_bytes_ : has_asked_for_nodes_) = true;
    if (part != nullptr && (!patience_.is_immediate() || part->has_ended()))
      return space_claim(*quota_, std::move(part));
    if (part != nullptr) part->leave_want();
  }
  if (!waits_after(e) || (callback != nullptr && callback->is_in_callback())) return {};
  detail::grant* const had = std::exchange(has_waited_, true) ? &grant_ : nullptr;
  return space_claim(*quota_, e.requested(), had);
}

// After an asking it may have waited before, and have its grant of that time still.
void funding::granted(space_claim& had) noexcept {
  detail::grant got = had.take();
  if (had.is_asking() && got.bytes() == 0) return;
  has_waited_ = true;
  grant_ = std::move(got);
}

}  // namespace coramfs::detail
