// SPDX-License-Identifier: BSL-1.0
#include "storage/promotion.hpp"

#include "storage/storage.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace coramfs::detail {

namespace {

constexpr std::uint64_t block_size = block_table::block_size;
constexpr std::uint64_t at_once = 8;  // blocks that are there twice, half a MiB

}  // namespace

promotion::promotion(storage& of, const account& payer, reservation paid, std::uint64_t begin,
                     std::uint64_t end) noexcept
    : of_(of),
      from_(std::get<chain>(of.content_)),
      payer_(payer),
      memory_(payer.blocks()),
      limits_(payer.limits()),
      paid_(std::move(paid)),
      begin_(begin),
      end_(end),
      blocks_(block_table::blocks_for(from_.size())),
      source_(from_) {}

// Blocks in the place of loans are paid for out of the reservation, which was for all of the table.
promotion::~promotion() {
  if (is_done_) return;
  for (std::uint64_t i = 0; i * block_size < source_.rest_begins_at(); ++i)
    source_.put_back(table_.blocks_.take(i), i * block_size);
  const totals before = from_.totals_now();
  const totals all = block_table::totals_for(from_.size(), begin_, end_);
  totals kept = before;
  kept.footprint += source_.restore(all.footprint - std::min(all.footprint, before.footprint));
  if (kept.footprint == before.footprint) return;
  payer_.adjust(paid_, kept, before).value();
  paid_.commit();
}

result<bool> promotion::advance(std::uint64_t bytes) noexcept {
  if (!std::exchange(has_begun_, true)) {
    BOOST_OUTCOME_TRY(begin());
  }
  const std::uint64_t stop = std::min(blocks_, moved_ + block_table::blocks_for(bytes));
  while (moved_ < stop) {
    BOOST_OUTCOME_TRY(move_up_to(std::min(moved_ + at_once, stop)));
  }
  if (moved_ < blocks_) {
    // Others may have a turn now, and memory that was freed may not be kept beside what they take.
    memory_.keep_at_most(limits_.left());
    return false;
  }
  end();
  return true;
}

// Makes all that the write needs behind the chain's blocks.
result<void> promotion::begin() noexcept {
  if (!source_.prepare(memory_, blocks_)) return errc::out_of_memory;
  return table_.add_blocks(memory_, &of_, std::max(begin_ / block_size, blocks_),
                           block_table::blocks_for(end_), end_);
}

result<void> promotion::move_up_to(std::uint64_t block) noexcept {
  const std::uint64_t size = from_.size();
  // The write may begin in the last block of the chain.
  const std::uint64_t stop = begin_ / block_size < blocks_ ? std::max(size, end_) : size;
  BOOST_OUTCOME_TRY(table_.add_blocks(memory_, &of_, moved_, block, stop));
  for (; moved_ < block; ++moved_) {
    const std::uint64_t at = moved_ * block_size;
    detail::block& to = *table_.blocks_.find(moved_);
    const auto used = static_cast<std::uint32_t>(std::min(size - at, block_size));
    table_.blocks_.set_used(moved_, to, used);
    from_.read(at, {to.data(), used});
  }
  source_.drop_before(block * block_size);
  return boost::outcome_v2::success();
}

void promotion::end() noexcept {
  is_done_ = true;
  table_.size_ = std::max(from_.size(), end_);
  table_.footprint_ = table_.blocks_.footprint();
  of_.content_.emplace<block_table>(std::move(table_));
  paid_.commit();
}

}  // namespace coramfs::detail
