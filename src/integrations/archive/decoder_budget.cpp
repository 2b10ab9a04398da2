// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/decoder_budget.hpp"

#include <algorithm>
#include <utility>

namespace coramfs::detail {

namespace {

// Tables and buffers of the decoders, and those of ours.
constexpr std::uint64_t fixed_part = 1 << 20;

// Names are paid for in so many bytes at a time. What is below that is within the fixed part.
constexpr std::uint64_t names_at_once = 64 * 1024;

}  // namespace

result<void> decoder_budget::begin() { return pay(std::min(fixed_part, most_)); }

result<void> decoder_budget::require(std::uint64_t declared) {
  if (declared <= largest_) return success();
  if (declared > most_) return error(errc::unsupported_archive);
  BOOST_OUTCOME_TRY(pay(most_ - declared < fixed_part ? most_ : declared + fixed_part));
  largest_ = declared;
  return success();
}

result<void> decoder_budget::remember(std::uint64_t size) {
  remembered_ += size;
  if (remembered_ - paid_for_names_ < names_at_once) return success();
  const std::uint64_t more = remembered_ - paid_for_names_;
  held_.reserve(held_.size() + 1);
  BOOST_OUTCOME_TRY(auto held, held_charge::take(of_, path_, 0, more));
  held_.push_back(std::move(held));
  paid_for_names_ = remembered_;
  return success();
}

bool decoder_budget::may_keep(std::uint64_t size) const noexcept {
  return size <= std::max(most_, fixed_part);
}

result<void> decoder_budget::pay(std::uint64_t up_to) {
  if (up_to <= paid_) return success();
  held_.reserve(held_.size() + 1);
  BOOST_OUTCOME_TRY(auto held, held_charge::take(of_, path_, 0, up_to - paid_));
  held_.push_back(std::move(held));
  paid_ = up_to;
  return success();
}

}  // namespace coramfs::detail
