// SPDX-License-Identifier: BSL-1.0
#include "handles/preparation.hpp"

#include "core/pace.hpp"

#include <algorithm>
#include <new>
#include <span>
#include <stdexcept>

namespace coramfs::detail {

// The room over zeros is wiped in one step where it is not committed, so it is not longer than a
// slice.
preparation::preparation(storage& content, std::uint64_t offset, std::size_t size,
                         std::uint64_t zeros_from) noexcept
    : content_(content),
      apart_(storage_layout::sequential),
      offset_(offset),
      size_(size),
      shown_size_(content.size()),
      is_over_zeros_(zeros_from <= offset && offset < shown_size_ && size <= slice_size) {}

// The list is made before the room: if memory for it were refused afterwards, the room could not be
// given back to the byte.
result<void> preparation::make(const account& payer, std::unique_ptr<promotion>& rest) noexcept
    try {
  if (size_ == 0) return boost::outcome_v2::success();
  BOOST_OUTCOME_TRY(require_proportion(payer));
  found_.reserve(storage::most_pieces(size_));
  BOOST_OUTCOME_TRY(places_, piece_list::with_room(storage::most_pieces(size_)));
  return is_apart() ? make_apart(payer) : content_.make_room(payer, offset_, size_, &rest);
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
} catch (const std::length_error&) {
  return errc::out_of_memory;
}

void preparation::show() noexcept {
  if (size_ == 0) return;
  is_apart() ? apart_.expose(0, size_, found_) : content_.expose(offset_, size_, found_);
  places_.fill(found_);
  found_ = pieces();
}

result<void> preparation::require_proportion(const account& payer) const noexcept {
  if (size_ <= 2 * chain::max_chunk) return boost::outcome_v2::success();
  if (is_apart()) return payer.beside_files().require({0, size_, 0}, {});
  const totals before = content_.totals_now();
  const totals beside_all{offset_ + size_, before.footprint + size_, before.chunks};
  if (payer.require(beside_all, before)) return boost::outcome_v2::success();
  // It may fit if the slack of the file gives way.
  const totals now{beside_all.size, content_.stored_bytes() + size_, before.chunks};
  return payer.require(now, before);
}

// Makes the room apart, and room for the commit in the file. A refusal of the latter is told as one
// of both.
result<void> preparation::make_apart(const account& payer) noexcept {
  BOOST_OUTCOME_TRY(apart_.make_room(payer.beside_files(), 0, size_));
  const auto made = content_.make_room(payer, offset_, size_);
  if (made) return made;
  const std::uint64_t also = payer.beside_files().of(apart_.totals_now()).bytes;
  cut(payer, shown_size_);
  const error& e = made.error();
  if (!(e == errc::quota_exceeded)) return e;
  return error(errc::quota_exceeded, e.requested() + also, e.available() + also);
}

result<piece_list> preparation::pin(const account& payer, std::uint64_t offset, std::uint64_t size,
                                    life_hold alive) const noexcept try {
  const std::uint64_t end = offset + size;
  const std::uint64_t first = std::max(offset, offset_);
  const std::uint64_t last = std::min({end, offset_ + size_, shown_size_});
  if (first >= last) return content_.pin(offset, size, std::move(alive));
  const account beside = payer.beside_files();
  storage copy(storage_layout::sequential);
  BOOST_OUTCOME_TRY(copy.make_room(beside, 0, last - first));
  pieces listed;
  const auto list = [&] {
    pieces copied;
    copy.list_pieces(0, last - first, copied);
    std::uint64_t at = first;
    for (const piece& p : copied) {
      const std::span<std::byte> to(p.data, static_cast<std::size_t>(p.size));
      content_.read(at, to);
      hide_room(at, to);
      at += p.size;
    }
    content_.list_pieces(offset, first, listed);
    listed.insert(listed.end(), copied.begin(), copied.end());
    content_.list_pieces(last, end, listed);
    return content_.pin(listed, std::move(alive));
  };
  result<piece_list> pinned = errc::out_of_memory;
  try {
    pinned = list();
  } catch (const std::bad_alloc&) {
  }
  // From here on the copy, and its charge, belong to the pins alone.
  copy.expect_pins();
  copy.settle_pins();
  copy.resize(beside, 0).value();
  return pinned;
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

void preparation::commit(const account& payer, std::size_t size) noexcept {
  if (is_apart()) {
    std::uint64_t to = offset_;
    for (auto at = places_.begin(); to < offset_ + size; at.advance()) {
      const std::size_t n = std::min<std::uint64_t>(at.size(), offset_ + size - to);
      content_.store(to, std::span<const std::byte>(at.data(), n));
      to += n;
    }
  }
  wipe_from(offset_ + size);
  cut(payer, size > 0 ? std::max(shown_size_, offset_ + size) : shown_size_);
  content_.trim_excess(payer);
}

// The slack that the file had before the room was made goes, too.
void preparation::give_back(const account& payer) noexcept {
  wipe_from(offset_);
  cut(payer, shown_size_);
  if (size_ > 0) content_.trim(payer);
}

void preparation::hide_room(std::uint64_t offset, std::span<std::byte> read) const noexcept {
  const std::uint64_t begin = std::max(offset, offset_);
  const std::uint64_t end = std::min(offset + read.size(), offset_ + size_);
  if (is_over_zeros_ && begin < end)
    std::ranges::fill(read.subspan(begin - offset, end - begin), std::byte{});
}

// Makes what is left of a room over zeros the zeros that were there.
void preparation::wipe_from(std::uint64_t begin) noexcept {
  if (is_over_zeros_) content_.store_zeros(begin, std::min(offset_ + size_, shown_size_));
}

// Cutting can not fail, hence the `value()`.
void preparation::cut(const account& payer, std::uint64_t size) noexcept {
  places_ = piece_list();
  if (apart_.size() > 0) apart_.resize(payer.beside_files(), 0).value();
  if (content_.size() > size) content_.resize(payer, size).value();
}

}  // namespace coramfs::detail
