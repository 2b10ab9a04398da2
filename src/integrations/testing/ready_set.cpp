// SPDX-License-Identifier: BSL-1.0
#include "integrations/testing/ready_set.hpp"

#include <algorithm>

namespace coramfs::detail {

namespace {

constexpr std::size_t lowest_bit(std::size_t i) noexcept { return i & (~i + 1); }

}  // namespace

std::size_t ready_set::place_of(std::uint64_t number) const noexcept {
  const auto found = std::lower_bound(slots_.begin(), slots_.end(), number,
                                      [](const slot& s, std::uint64_t n) { return s.number < n; });
  std::size_t before = 0;
  for (auto i = static_cast<std::size_t>(found - slots_.begin()); i > 0; i -= lowest_bit(i))
    before += sums_[i - 1];
  return before;
}

ready_set::slot ready_set::take(std::size_t place) noexcept {
  const std::size_t at = slot_at(place);
  for (std::size_t i = at + 1; i <= sums_.size(); i += lowest_bit(i)) --sums_[i - 1];
  slot taken = std::move(slots_[at]);

  if (--size_ == 0) {
    slots_.clear();
    sums_.clear();
  }
  return taken;
}

// Goes down the tree: as far to the right as there are not more than `place` tasks to the left.
std::size_t ready_set::slot_at(std::size_t place) const noexcept {
  std::size_t at = 0;
  for (std::size_t half = std::bit_floor(sums_.size()); half > 0; half /= 2) {
    if (at + half > sums_.size() || sums_[at + half - 1] > place) continue;
    at += half;
    place -= sums_[at - 1];
  }
  return at;
}

void ready_set::append_sum() noexcept {
  const std::size_t i = sums_.size() + 1;
  std::uint32_t sum = 1;
  for (std::size_t below = 1; below < lowest_bit(i); below *= 2) sum += sums_[i - below - 1];
  sums_.push_back(sum);
}

void ready_set::close_up() noexcept {
  slots_.erase(
      std::remove_if(slots_.begin(), slots_.end(), [](const slot& s) { return s.task == nullptr; }),
      slots_.end());
  sums_.clear();
  for (std::size_t i = 0; i < slots_.size(); ++i) append_sum();
}

}  // namespace coramfs::detail
