// SPDX-License-Identifier: BSL-1.0
#include "core/lifetime.hpp"

namespace coramfs::detail {

void lifetime::drop_owner() noexcept {
  // Empty lanes are closed together at the end: lanes that are marked here may close on other
  // threads meanwhile, and the object must not end before all are marked. If none was empty,
  // nothing of the object is touched after the last mark.
  std::size_t empty = 0;
  for (lane_count& l : lanes_)
    if (l.count.fetch_or(orphaned, std::memory_order_acq_rel) == 0) ++empty;
  if (empty != 0 && open_lanes_.fetch_sub(empty, std::memory_order_acq_rel) == empty) end();
}

std::uint64_t lifetime::handles() const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < lanes; ++i)
    sum += lanes_[i].count.load(std::memory_order_relaxed) % one_pin;
  return sum;
}

std::uint64_t lifetime::pins() const noexcept {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < lanes; ++i)
    sum += (lanes_[i].count.load(std::memory_order_relaxed) & ~orphaned) / one_pin;
  return sum;
}

void lifetime::close_lane() noexcept {
  if (open_lanes_.fetch_sub(1, std::memory_order_acq_rel) == 1) end();
}

}  // namespace coramfs::detail
