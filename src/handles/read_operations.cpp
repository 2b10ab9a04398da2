// SPDX-License-Identifier: BSL-1.0
#include "handles/read_operations.hpp"

#include <algorithm>
#include <cstddef>
#include <new>
#include <span>
#include <stdexcept>

namespace coramfs::detail {

progress read_operation::advance() noexcept {
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

result<std::size_t> read_operation::outcome() noexcept {
  if (!status_) return status_.error();
  return count_;
}

template <class Container>
result<void> content_reader<Container>::begin(std::uint64_t begin, std::uint64_t end,
                                              std::optional<std::uint64_t> max_size) noexcept try {
  begin_ = begin;
  size_ = end > begin ? end - begin : 0;
  if (max_size && size_ > *max_size) return error(errc::too_large, size_, *max_size);
  all_.reserve(size_);
  return boost::outcome_v2::success();
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
} catch (const std::length_error&) {
  return errc::out_of_memory;
}

template <class Container>
template <class Read>
void content_reader<Container>::read_slice(Read read) noexcept {
  const std::size_t done = all_.size();
  // There is room for all, so this allocates nothing.
  all_.resize(done + static_cast<std::size_t>(std::min(size_ - done, slice_size)));
  read(begin_ + done, std::as_writable_bytes(std::span(all_)).subspan(done));
}

progress read_all_operation::advance() noexcept {
  if (!status_) return progress::done;
  if (!std::exchange(has_begun_, true)) status_ = begin();
  if (!status_) return progress::done;
  content_.read_slice([this](std::uint64_t offset, std::span<std::byte> to) {
    static_cast<void>(file_.read_at(offset, to));
  });
  if (!content_.is_done()) return progress::yields;
  file_.set_cursor(end_);
  return progress::done;
}

result<bytes> read_all_operation::outcome() noexcept {
  if (!status_) return status_.error();
  return content_.take();
}

result<void> read_all_operation::begin() noexcept {
  BOOST_OUTCOME_TRY(file_.require_readable());
  BOOST_OUTCOME_TRY(const std::uint64_t size, file_.size());
  end_ = std::max(size, file_.cursor());
  const auto begun = content_.begin(file_.cursor(), size, {});
  if (!begun) return file_.noted(call::read, begun.error());
  return begun;
}

template <class Container>
progress read_file_operation<Container>::advance() noexcept {
  if (!status_) return progress::done;
  if (!is_open_) {
    if (const progress p = opening_.advance(); p != progress::done) return p;
    if (const auto& opened = opening_.outcome(); !opened) return end_with(opened.error());
    is_open_ = true;
    const auto begun = content_.begin(0, opening_.node().content.size(), max_size_);
    if (!begun) return end_with(begun.error());
  }
  content_.read_slice([this](std::uint64_t offset, std::span<std::byte> to) {
    opening_.node().content.read(offset, to);
  });
  if (!content_.is_done()) return progress::yields;
  return end_with(boost::outcome_v2::success());
}

template <class Container>
void read_file_operation<Container>::refuse(const error& why) noexcept {
  if (!is_open_) return opening_.refuse(why);
  end_with(why);
}

template <class Container>
result<Container> read_file_operation<Container>::outcome() noexcept {
  if (!status_) return status_.error();
  return content_.take();
}

// The lock is released here, so that whoever waits for it need not wait until the outcome is taken.
template <class Container>
progress read_file_operation<Container>::end_with(result<void> status) noexcept {
  if (!status) status = opening_.noted(status.error());
  status_ = std::move(status);
  opening_.let_go();
  return progress::done;
}

template class read_file_operation<bytes>;
template class read_file_operation<std::string>;

result<std::optional<bytes>> given_out_reader::outcome() noexcept {
  auto content = file_.outcome();
  if (content) return std::optional<bytes>(std::move(content).value());
  if (has_gone(content.error())) return std::optional<bytes>();
  return content.error();
}

}  // namespace coramfs::detail
