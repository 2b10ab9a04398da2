// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/archive_feed.hpp"

#include "integrations/archive/bytes_of.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <new>
#include <utility>

namespace coramfs::detail {

namespace {

// The most that there may be before the content of an entry of a tar.
constexpr std::uint64_t most_of_header = 1 << 20;
// As much of it is paid for by the fixed part of the budget: what stands before the content mostly
// has less, but may begin in one piece and end in another.
constexpr std::uint64_t header_for_nothing = 2 * input_piece;
// What libarchive keeps for each byte of a map of holes, which can be as short as four bytes.
constexpr std::uint64_t kept_for_byte = 12;

}  // namespace

la_ssize_t archive_feed::on_read(::archive* handle, void* self, const void** to) noexcept {
  auto& feed = *static_cast<archive_feed*>(self);
  *to = nullptr;
  if (!feed.failure_) {
    try {
      const auto piece = feed.slice();
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
  auto& feed = *static_cast<archive_feed*>(self);
  if (from == SEEK_CUR) {
    offset += static_cast<la_int64_t>(feed.piece_at_ + feed.piece_.size());
    from = SEEK_SET;
  }
  const auto to = feed.seek(offset, from);
  if (!to) return ARCHIVE_FATAL;
  feed.piece_ = feed.rest_ = {};
  feed.piece_at_ = *to;
  return static_cast<la_int64_t>(*to);
}

int archive_feed::open(::archive* handle) noexcept {
  if (seeks()) ::archive_read_set_seek_callback(handle, on_seek);
  ::archive_read_set_read_callback(handle, on_read);
  ::archive_read_set_callback_data(handle, this);
  return ::archive_read_open1(handle);
}

void archive_feed::begin_header(std::uint64_t offset, decoder_budget& budget) noexcept {
  if (header_budget_ != nullptr && header_at_ == offset) return;
  header_budget_ = &budget;
  header_at_ = offset;
  header_given_ = 0;
  header_.clear();
}

std::string archive_feed::end_header(std::uint64_t offset) {
  keep_header(offset);
  header_budget_ = nullptr;
  return std::exchange(header_, {});
}

// Of what libarchive has now, as far as that is before an offset.
void archive_feed::keep_header(std::uint64_t end) {
  const std::uint64_t from = std::max(header_at_, piece_at_);
  end = std::min<std::uint64_t>(end, piece_at_ + piece_.size());
  if (from >= end) return;
  header_ += text_of(piece_.subspan(static_cast<std::size_t>(from - piece_at_),
                                    static_cast<std::size_t>(end - from)));
}

result<void> archive_feed::pay_for_header(std::size_t more) {
  if (header_budget_ == nullptr) return success();
  header_given_ += more;
  if (header_given_ <= header_for_nothing) return success();
  if (header_given_ - header_for_nothing > most_of_header) return error(errc::unsupported_archive);
  return header_budget_->require(kept_for_byte * (header_given_ - header_for_nothing));
}

// Large pieces are given out bit by bit: so what is counted is what libarchive has looked at.
result<std::span<const std::byte>> archive_feed::slice() {
  if (header_budget_ != nullptr) keep_header(piece_at_ + piece_.size());
  piece_at_ += piece_.size();
  piece_ = {};
  if (rest_.empty()) {
    BOOST_OUTCOME_TRY(rest_, next_piece());
  }
  const auto next = rest_.first(std::min(rest_.size(), at_once_));
  if (next.size() > allowed_) return error(errc::unsupported_archive);
  BOOST_OUTCOME_TRY(pay_for_header(next.size()));
  rest_ = rest_.subspan(next.size());
  allowed_ -= next.size();
  given_ += next.size();
  piece_ = next;
  return piece_;
}

result<void> input_feed::set_watch(std::unique_ptr<stream_watch> watch) {
  watch_ = std::move(watch);
  return look(at_);
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
  const std::uint64_t last =
      std::min(size_, ends_with_watch_ && watch_ ? watch_->ends_at() : size_);
  const auto given =
      piece.first(static_cast<std::size_t>(std::min(end, last) - std::min(at_, last)));
  at_ += given.size();
  return given;
}

std::optional<std::uint64_t> input_feed::seek(std::int64_t offset, int from) noexcept {
  const std::uint64_t base = from == SEEK_SET ? 0 : size_;
  const auto to = static_cast<std::int64_t>(base) + offset;
  if (to < 0) return std::nullopt;
  at_ = std::min(static_cast<std::uint64_t>(to), size_);
  return at_;
}

}  // namespace coramfs::detail
