// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/archive_feed.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <new>
#include <utility>

namespace coramfs::detail {

la_ssize_t archive_feed::on_read(::archive* handle, void* self, const void** to) noexcept {
  auto& feed = *static_cast<archive_feed*>(self);
  *to = nullptr;
  if (!feed.failure_) {
    try {
      const auto piece = feed.next_piece();
      if (piece) {
        *to = piece.value().data();
        return static_cast<la_ssize_t>(piece.value().size());
      }
      feed.failure_ = piece.error();
    } catch (const std::bad_alloc&) {
      feed.failure_ = errc::out_of_memory;
    }
  }
  ::archive_set_error(handle, EIO, "the source has failed");
  return ARCHIVE_FATAL;
}

la_int64_t archive_feed::on_seek(::archive*, void* self, la_int64_t offset, int from) noexcept {
  const auto to = static_cast<archive_feed*>(self)->seek(offset, from);
  return to ? static_cast<la_int64_t>(*to) : ARCHIVE_FATAL;
}

int archive_feed::open(::archive* handle) noexcept {
  if (seeks()) ::archive_read_set_seek_callback(handle, on_seek);
  ::archive_read_set_read_callback(handle, on_read);
  ::archive_read_set_callback_data(handle, this);
  return ::archive_read_open1(handle);
}

result<void> input_feed::set_watch(std::unique_ptr<stream_watch> watch) {
  watch_ = std::move(watch);
  return look(given_);
}

result<void> input_feed::look(std::uint64_t end) {
  if (!watch_) return success();
  BOOST_OUTCOME_TRY(watch_->look(end));
  return budget_.require(watch_->declared());
}

result<std::span<const std::byte>> input_feed::next_piece() {
  BOOST_OUTCOME_TRY(const auto piece, in_.at(at_));
  const std::uint64_t end = at_ + piece.size();
  BOOST_OUTCOME_TRY(look(end));
  const std::uint64_t last = std::min(size_, watch_ ? watch_->ends_at() : size_);
  const auto given =
      piece.first(static_cast<std::size_t>(std::min(end, last) - std::min(at_, last)));
  look_at_names(at_, given);
  at_ += given.size();
  given_ = std::max(given_, at_);
  return given;
}

std::optional<std::uint64_t> input_feed::seek(std::int64_t offset, int from) noexcept {
  const std::uint64_t base = from == SEEK_SET ? 0 : from == SEEK_CUR ? at_ : size_;
  const auto to = static_cast<std::int64_t>(base) + offset;
  if (to < 0) return std::nullopt;
  at_ = std::min(static_cast<std::uint64_t>(to), size_);
  return at_;
}

}  // namespace coramfs::detail
