// SPDX-License-Identifier: BSL-1.0
#include "storage/backlog.hpp"

#include "storage/block_memory.hpp"

#include <algorithm>
#include <cassert>

namespace coramfs::detail {

constinit thread_local backlog::collecting* backlog::collecting::innermost = nullptr;

backlog::backlog([[maybe_unused]] backlog&& unused) noexcept {
  assert(unused.in_ == nullptr && unused.lender_count_ == 0);
}

bool backlog::free_some() noexcept {
  if (in_ != nullptr && in_->free_collected()) return true;
  return lender_count_ != 0 && free_some_lent();
}

bool backlog::free_some_lent() noexcept {
  if (lender_count_ == 0) return false;
  if (lenders_[lender_count_ - 1]->free_collected()) return true;
  forget_lender();
  return lender_count_ != 0;
}

// Whoever lets go of the last block that a lender has lent holds it meanwhile.
bool backlog::holds(block_memory& lender) noexcept {
  const auto end = lenders_.begin() + static_cast<std::ptrdiff_t>(lender_count_);
  if (std::find(lenders_.begin(), end, &lender) != end) return true;
  if (lender_count_ == most_lenders) return false;
  lender.whole().add_loans(1);
  lenders_[lender_count_++] = &lender;
  return true;
}

// What is left is for those who take memory there next. Where nobody does any more it is freed now.
// The lender may end with the hold.
void backlog::forget_lender() noexcept {
  block_memory& lender = *lenders_[--lender_count_];
  if (lender.is_retired()) {
    while (lender.free_collected()) continue;
  }
  lender.whole().drop_loan();
}

bool backlog::collecting::is_for_later(backlog& to, std::uint64_t bytes) noexcept {
  if (bytes > few - to.freed_at_once_) return true;
  to.freed_at_once_ += bytes;
  return false;
}

bool backlog::collecting::note(block_memory& in, std::uint64_t bytes) noexcept {
  if (innermost == nullptr || !is_for_later(innermost->to_, bytes)) return false;
  innermost->to_.in_ = &in;
  return true;
}

bool backlog::collecting::note_lent(block_memory& in, std::uint64_t bytes) noexcept {
  return innermost != nullptr && is_for_later(innermost->to_, bytes) && innermost->to_.holds(in);
}

}  // namespace coramfs::detail
