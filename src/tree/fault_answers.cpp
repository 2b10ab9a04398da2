// SPDX-License-Identifier: BSL-1.0
#include "tree/fault_answers.hpp"

#include <utility>

namespace coramfs::detail {

result<void> fault_answers::reserving(const charge& wanted, const charge& replaced) noexcept {
  return look_up({wanted, replaced, false});
}

result<void> fault_answers::allocating(const charge& wanted, const charge& replaced) noexcept {
  return look_up({wanted, replaced, true});
}

result<void> fault_answers::look_up(const question& q) noexcept {
  const std::optional<question>& known = q.is_for_memory ? memory_ : bytes_;
  if (known == q || asked_ == most_asked) return boost::outcome_v2::success();
  question_ = q;
  return errc::busy;
}

result<void> fault_answers::ask(std::string_view path) noexcept {
  ++asked_;
  const question q = *std::exchange(question_, std::nullopt);
  (q.is_for_memory ? memory_ : bytes_) = q;
  if (!q.is_for_memory) return seam_.reserving(path, q.wanted, q.replaced);
  const std::uint64_t bytes = q.wanted.bytes, before = q.replaced.bytes;
  return seam_.allocating(path, bytes > before ? bytes - before : 0);
}

}  // namespace coramfs::detail
