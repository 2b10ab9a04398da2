// SPDX-License-Identifier: BSL-1.0
#include "core/fault_seam.hpp"

#include "core/callback_scope.hpp"
#include "core/path.hpp"

#include <algorithm>

namespace coramfs::detail {

using testing::fault_point;

namespace {

// What is refused in earnest is more than there is.
error limit(errc e, std::uint64_t amount, std::uint64_t left) noexcept {
  return {e, amount, std::min(left, amount - 1)};
}

}  // namespace

// It is `noexcept`, so what a policy throws ends the program, as its documentation says. A text
// that can not be normalised is shown as it is: the tree has given it out, and it is too long for
// an argument.
std::optional<error> fault_seam::ask(fault_point p, std::string_view path,
                                     std::uint64_t amount) const noexcept {
  if (callback_scope::is_in(policy_)) return std::nullopt;
  const callback_scope scope(policy_);
  path_buffer buffer;
  const auto normal =
      path.empty() ? result<normal_path>(errc::invalid_path) : buffer.normalise(path);
  return policy_->at(p, normal ? normal.assume_value().text() : path, amount);
}

result<void> fault_seam::reserving(std::string_view path, const charge& wanted,
                                   const charge& replaced, const grant* granted) const noexcept {
  const std::uint64_t nodes = excess(wanted.nodes(), replaced.nodes());
  if (nodes > 0 && ask(fault_point::reserve_nodes, path, nodes))
    return limit(errc::node_limit_exceeded, nodes, limits_.available_nodes());
  const bool has_waited = granted != nullptr && granted->bytes() > 0;
  const std::uint64_t bytes = excess(wanted.bytes, replaced.bytes);
  if (bytes > 0 && !has_waited && ask(fault_point::reserve_bytes, path, bytes))
    return limit(errc::quota_exceeded, bytes, limits_.available());
  return boost::outcome_v2::success();
}

result<void> fault_seam::guarding(std::string_view path, std::uint64_t bytes) const noexcept {
  const bool may_refuse = guard_.is_asked_per_write() && guard_.refuses() && bytes > 0;
  if (may_refuse && ask(fault_point::guard, path, bytes))
    return limit(errc::memory_guard, bytes, bytes - 1);
  return boost::outcome_v2::success();
}

result<void> fault_seam::guarding_quota(std::uint64_t bytes) const noexcept {
  const bool may_refuse = guard_.is_asked_for_quota() && guard_.refuses() && bytes > 0;
  if (may_refuse && ask(fault_point::guard, {}, bytes))
    return limit(errc::memory_guard, bytes, bytes - 1);
  return boost::outcome_v2::success();
}

result<void> fault_seam::allocating(std::string_view path, std::uint64_t bytes) const noexcept {
  if (ask(fault_point::allocate, path, bytes)) return errc::out_of_memory;
  return boost::outcome_v2::success();
}

result<void> fault_seam::waiting_for_lock(std::string_view path,
                                          lock_timeout patience) const noexcept {
  return wait(fault_point::lock, path, 0, patience);
}

result<void> fault_seam::waiting_for_space(std::string_view path, std::uint64_t bytes,
                                           lock_timeout patience) const noexcept {
  return wait(fault_point::space, path, bytes, patience);
}

result<void> fault_seam::wait(fault_point p, std::string_view path, std::uint64_t amount,
                              lock_timeout patience) const noexcept {
  const auto fault = ask(p, path, amount);
  if (!fault) return boost::outcome_v2::success();
  const bool ends_late = !patience.is_forever() && !(*fault == errc::canceled);
  return ends_late ? errc::timed_out : errc::canceled;
}

}  // namespace coramfs::detail
