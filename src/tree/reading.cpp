// SPDX-License-Identifier: BSL-1.0
#include "tree/reading.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>

namespace coramfs::detail {

progress reading::advance() noexcept {
  if (!status_) return progress::done;
  const std::uint64_t begin = offset_.value_or(file_.cursor());
  const auto slice = to_.subspan(count_, std::min<std::uint64_t>(to_.size() - count_, slice_size));
  const auto count = file_.read_at(begin + count_, slice);
  if (!count) {
    status_ = count.error();
    return progress::done;
  }
  count_ += count.value();
  if (count.value() == slice.size() && count_ < to_.size()) return progress::yields;
  if (!offset_) file_.set_cursor(begin + count_);
  return progress::done;
}

result<std::size_t> reading::outcome() noexcept {
  if (!status_) return status_.error();
  return count_;
}

progress reading_all::advance() noexcept {
  if (!status_) return progress::done;
  if (!has_begun_) status_ = begin();
  if (!status_) return progress::done;
  const std::size_t done = all_.size();
  const auto slice = static_cast<std::size_t>(std::min(size_ - done, slice_size));
  // There is room for all, so this allocates nothing.
  all_.resize(done + slice);
  file_.read_at(begin_ + done, std::span(all_).subspan(done)).value();
  if (all_.size() < size_) return progress::yields;
  file_.set_cursor(begin_ + size_);
  return progress::done;
}

result<bytes> reading_all::outcome() noexcept {
  if (!status_) return status_.error();
  return std::move(all_);
}

result<void> reading_all::begin() noexcept try {
  has_begun_ = true;
  BOOST_OUTCOME_TRY(file_.require_readable());
  BOOST_OUTCOME_TRY(const std::uint64_t size, file_.size());
  begin_ = file_.cursor();
  size_ = size > begin_ ? size - begin_ : 0;
  if (max_size_ && size_ > *max_size_) return error(errc::too_large, size_, *max_size_);
  all_.reserve(size_);
  return boost::outcome_v2::success();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
} catch (const std::length_error&) {
  return errc::out_of_memory;
}

progress file_reading::advance() noexcept {
  if (!status_) return progress::done;
  if (!reading_) {
    if (const progress p = opening_.advance(); p != progress::done) return p;
    auto opened = opening_.outcome();
    if (!opened) {
      status_ = opened.error();
      return progress::done;
    }
    file_ = std::move(opened).value();
    reading_.emplace(file_, max_size_);
  }
  const progress p = reading_->advance();
  if (p == progress::done) file_.close();
  return p;
}

void file_reading::refuse(const error& why) noexcept {
  if (!reading_) return opening_.refuse(why);
  status_ = why;
  file_.close();
}

result<bytes> file_reading::outcome() noexcept {
  if (!status_) return status_.error();
  return reading_->outcome();
}

}  // namespace coramfs::detail
