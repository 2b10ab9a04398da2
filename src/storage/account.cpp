// SPDX-License-Identifier: BSL-1.0
#include "storage/account.hpp"

#include "core/fault_seam.hpp"

#include <string_view>

namespace coramfs::detail {

std::string_view account::path() const noexcept {
  return path_ != nullptr ? path_->view() : std::string_view();
}

result<void> account::ask_reserving(const totals& after, const totals& before) const noexcept {
  const bill b = bill_of(after, before);
  return faults_->reserving(path(), b.wanted, b.replaced, granted_);
}

result<void> account::ask_guarding(const totals& after, const totals& before) const noexcept {
  const std::uint64_t now = of(after).bytes, then = of(before).bytes;
  return faults_->guarding(path(), now > then ? now - then : 0);
}

result<void> account::ask_allocating(const totals& after, const totals& before) const noexcept {
  const std::uint64_t now = after.footprint, then = before.footprint;
  return faults_->allocating(path(), now > then ? now - then : 0);
}

}  // namespace coramfs::detail
