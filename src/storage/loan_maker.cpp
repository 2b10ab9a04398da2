// SPDX-License-Identifier: BSL-1.0
#include "storage/loan_maker.hpp"

#include "storage/small_memory.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

namespace coramfs::detail {

loan_maker::~loan_maker() {
  assert(holds_ == 0);
  while (pieces_ != nullptr) small_memory::give(std::exchange(pieces_, pieces_->next));
}

// A loan is a block with nothing behind it. A slab gives as many as it has, which may be fewer than
// are asked for.
void* loan_maker::take_piece() noexcept {
  if (pieces_ == nullptr) {
    const std::size_t count = std::clamp<std::size_t>(left_, 1, at_once);
    pieces_ = to_.small().take_some(sizeof(block), small_memory::use::fixed, count);
    if (pieces_ == nullptr) return nullptr;
  }
  if (left_ > 0) --left_;
  return std::exchange(pieces_, pieces_->next);
}

// Pins of the lender are atomic, so that it does not matter whether its file is written to beside
// this: a loan of a loan ends where that one does, or before, so no byte becomes pinned that was
// not.
block* loan_maker::take(block& of, std::size_t size) noexcept {
  void* const memory = take_piece();
  if (memory == nullptr) return nullptr;
  block& lender = of.source();
  auto* const made = new (memory) block(of.data(), size, lender);
  block_memory& home = lender.home();
  const bool is_foreign = &home != &to_;
  const std::uint64_t before = lender.pin(0, size, is_foreign ? block::one_pin : block::one_loan);
  if (is_foreign) {
    hold(home.whole());
  } else if ((before & block::in_live_files) == 0 && (before & block::keeps_charge) != 0) {
    // A file of another volume has held it, of which this is a copy. No operation of the tree makes
    // one in a volume that has lent anything, since what is forked to is new.
    home.change_held(-static_cast<std::int64_t>(lender.footprint()));
  }
  return made;
}

}  // namespace coramfs::detail
