// SPDX-License-Identifier: BSL-1.0
// What a handle has before there are bytes for it: growth that is paid for, and room that others
// fill.
#include <coramfs/detail/open_file.hpp>

#include "core/error_note.hpp"
#include "handles/preparation.hpp"
#include "storage/file_reserve.hpp"
#include "storage/promotion.hpp"
#include "tree/flow.hpp"
#include "tree/volume_state.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <optional>
#include <utility>

namespace coramfs::detail {

namespace {

// Nobody pays for the memory that it takes to show bytes to followers, so it is not taken for more
// bytes than the quota could have.
result<void> expect_shown(const preparation& room, flow& by, const account& payer) noexcept {
  BOOST_OUTCOME_TRY(room.require_proportion(payer));
  return by.expect(room.size());
}

}  // namespace

// The reserve is made first, for memory may be refused.
result<void> open_file::reserve(std::uint64_t size, grant& granted) noexcept {
  BOOST_OUTCOME_TRY(require_writable(call::reserve));
  if (flow_) {
    BOOST_OUTCOME_TRY(require_growing(call::reserve));
  }
  drop_prepared();
  BOOST_OUTCOME_TRY(storage::require_end(0, size));
  if (size < content().size()) return boost::outcome_v2::success();
  std::unique_ptr<file_reserve> fresh;
  const fault_seam& faults = volume().faults;
  if (reserve_ == nullptr) {
    fresh.reset(new (std::nothrow) file_reserve);
    if (fresh == nullptr) return errc::out_of_memory;
  }
  file_reserve& r = fresh != nullptr ? *fresh : *reserve_;
  const account& prices = volume().account;
  const std::uint64_t price = prices.of(content().totals_grown_to(size)).bytes;
  const std::uint64_t paid = prices.of(content().totals_now()).bytes + r.left;
  if (price > paid) {
    const charge more{.bytes = price - paid, .ahead = price - paid};
    if (faults.has_policy()) [[unlikely]] {
      BOOST_OUTCOME_TRY(faults.reserving(path_.view(), more, {}, &granted));
    }
    BOOST_OUTCOME_TRY(auto reserved, volume().quota.reserve(more, {}, &granted));
    if (faults.has_policy()) [[unlikely]] {
      BOOST_OUTCOME_TRY(faults.guarding(path_.view(), more.bytes));
    }
    BOOST_OUTCOME_TRY(prices.approve(price, paid));
    reserved.commit();
    r.left += more.bytes;
  }
  r.price = std::max(r.price, price);
  r.size = std::max(r.size, size);
  if (fresh != nullptr) reserve_ = std::move(fresh);
  return boost::outcome_v2::success();
}

result<std::unique_ptr<preparation>> open_file::prepare(std::size_t size, grant& granted,
                                                        std::unique_ptr<promotion>& rest) noexcept {
  BOOST_OUTCOME_TRY(require_writable(call::prepare));
  if (flow_) {
    BOOST_OUTCOME_TRY(require_growing(call::write));
  }
  drop_prepared();
  const std::uint64_t offset = write_offset();
  BOOST_OUTCOME_TRY(storage::require_end(offset, size));
  std::unique_ptr<preparation> made(new (std::nothrow)
                                        preparation(node_->content, offset, size, zeros_from_));
  if (made == nullptr) return errc::out_of_memory;
  if (flow_) {
    BOOST_OUTCOME_TRY(expect_shown(*made, *flow_, payer().funded(granted)));
  }
  BOOST_OUTCOME_TRY(made->make(payer().funded(granted), rest));
  return made;
}

piece_list open_file::prepared(std::unique_ptr<preparation> made) noexcept {
  made->show();
  prepared_ = std::move(made);
  return prepared_->places();
}

result<void> open_file::commit(std::size_t size) noexcept {
  BOOST_OUTCOME_TRY(require_writable(call::commit));
  const bool is_prepared = prepared_ != nullptr && !is_room_;
  if (size > (is_prepared ? prepared_->size() : 0))
    return noted(call::commit, errc::invalid_argument);
  if (!is_prepared) return boost::outcome_v2::success();
  prepared_->commit(payer(), size);
  if (size > 0) {
    cursor_ = prepared_->offset() + size;
    end_zeros_at(cursor_);
    changed();
  }
  prepared_.reset();
  return boost::outcome_v2::success();
}

// If all that is wanted is refused, the refusal tells by how much less there would be room. Blocks
// are not cut to the byte, so that may take a few steps. If it tells nothing, half of it is tried.
std::size_t open_file::hold_room(std::size_t wanted, bool in_use) noexcept {
  if (!require_writable()) return 0;
  if (room_number() != 0 && (in_use || is_room_short_ || prepared_->size() >= wanted))
    return prepared_->size();
  constexpr int most_steps = 6;
  std::size_t size = wanted;
  for (int step = 0; size > 0; ++step) {
    const auto made = make_room_behind(size);
    if (made) break;
    const error& e = made.error();
    const std::uint64_t missing = e.requested() - std::min(e.requested(), e.available());
    const bool is_told = step < most_steps && missing > 0 && missing < size;
    size = is_told ? size - static_cast<std::size_t>(missing) : size / 2;
  }
  is_room_short_ = size < wanted;
  return size;
}

result<void> open_file::require_room(std::size_t size) noexcept {
  BOOST_OUTCOME_TRY(require_writable());
  if (room_number() != 0 && prepared_->size() >= size) return boost::outcome_v2::success();
  return make_room_behind(size);
}

result<void> open_file::make_room_behind(std::size_t size) noexcept {
  if (flow_) {
    BOOST_OUTCOME_TRY(require_growing(call::write));
  }
  drop_prepared();
  const std::uint64_t end = content().size();
  BOOST_OUTCOME_TRY(storage::require_end(end, size));
  std::unique_ptr<preparation> made(new (std::nothrow) preparation(content(), end, size, end));
  if (made == nullptr) return errc::out_of_memory;
  std::unique_ptr<promotion> none;  // stays empty: without a gap there is no promotion
  if (flow_) {
    BOOST_OUTCOME_TRY(expect_shown(*made, *flow_, payer()));
  }
  BOOST_OUTCOME_TRY(made->make(payer(), none));
  made->show();
  prepared_ = std::move(made);
  is_room_ = true;
  is_room_short_ = false;
  ++rooms_made_;
  return boost::outcome_v2::success();
}

void open_file::publish(std::size_t size) noexcept {
  if (room_number() == 0) return;
  prepared_->publish(payer(), size);
  prepared_.reset();
  is_room_ = false;
  end_zeros_at(content().size());
  if (size > 0) changed();
}

result<piece_list> open_file::places(std::uint64_t offset, std::size_t size) noexcept try {
  BOOST_OUTCOME_TRY(require_writable());
  if (size == 0) return piece_list();
  // Only bytes of the file need room to be made; the room behind its end is there.
  if (offset < size_now()) {
    BOOST_OUTCOME_TRY(require_changeable(call::write));
    BOOST_OUTCOME_TRY(content().make_room(payer(), offset, size));
  }
  end_zeros_at(offset + size);
  pieces found;
  const std::uint64_t chunks = offset < size_now() ? content().totals_now().chunks : 0;
  found.reserve(chunks + storage::most_pieces(size));
  content().expose(offset, size, found);
  BOOST_OUTCOME_TRY(auto list, piece_list::with_room(found.size()));
  list.fill(found);
  return list;
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

std::uint64_t open_file::bytes_left() const noexcept {
  if (!is_open()) return 0;
  const auto all = volume().quota.require({.bytes = volume().quota.max_bytes()});
  const std::uint64_t left =
      paid_ahead() + (all ? volume().quota.max_bytes() : all.error().available());
  if (!volume().account.counts_memory()) return left;
  // Blocks and their tables take a little more than the bytes in them.
  const std::uint64_t also = left / 64 + 8 * 1024;
  return left - std::min(left, also);
}

bool open_file::is_cramped() const noexcept {
  return is_open() && volume().account.counts_memory() && bytes_left() < 2 * content().size();
}

}  // namespace coramfs::detail
