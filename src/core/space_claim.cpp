// SPDX-License-Identifier: BSL-1.0
#include "core/quota.hpp"
#include "core/reclaimer.hpp"

namespace coramfs::detail {

space_claim::space_claim(quota& of, std::uint64_t bytes, grant* had) noexcept
    : quota_(of), bytes_(bytes), had_(had) {}

space_claim::space_claim(quota& of, std::unique_ptr<asking_part> asked) noexcept
    : quota_(of), bytes_(asked->amount()), asked_(std::move(asked)) {}

space_claim::space_claim(space_claim&& other) noexcept = default;

space_claim::~space_claim() = default;

grant space_claim::take() noexcept {
  return grant(quota_, asked_ != nullptr ? asked_->take() : bytes_);
}

error space_claim::unmet() const noexcept {
  if (asked_ != nullptr && asked_->limit() == errc::node_limit_exceeded)
    return {errc::node_limit_exceeded, bytes_, quota_.available_nodes()};
  return {errc::quota_exceeded, bytes_, quota_.left()};
}

bool space_claim::enqueue(waiter& w) noexcept {
  return asked_ != nullptr ? asked_->enqueue(w) : quota_.enqueue(w, bytes_, had_);
}

bool space_claim::withdraw(waiter& w, admission& others) noexcept {
  return asked_ != nullptr ? asked_->withdraw(w) : quota_.withdraw(w, others);
}

}  // namespace coramfs::detail
