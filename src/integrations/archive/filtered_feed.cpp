// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/filtered_feed.hpp"

#include "integrations/archive/bytes_of.hpp"
#include "integrations/archive/crc32.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <vector>

namespace coramfs::detail {

namespace {

// What may follow the last entry of a tar within its stream, as far as it is decoded to see whether
// the stream is whole. Others pad tars to records of up to 1 MiB.
constexpr std::uint64_t most_trailing = 2 << 20;

// How far from its end another gzip is looked for at a time.
constexpr std::uint64_t checked_at_once = 1 << 20;

// What a decoder is given at most of a stream before it brings something. Beside the largest block
// there may be what brings nothing: headers, indexes, empty blocks and streams.
std::uint64_t most_for_nothing(stream_filter filter) noexcept {
  constexpr std::uint64_t most = 1 << 20, bzip2_block = 1 << 20, lz4_block = 4 << 20;
  return filter == stream_filter::bzip2 ? most + bzip2_block
         : filter == stream_filter::lz4 ? most + lz4_block
                                        : most;
}

int code_of(stream_filter filter) noexcept {
  switch (filter) {
    case stream_filter::none: return ARCHIVE_FILTER_NONE;
    case stream_filter::gzip: return ARCHIVE_FILTER_GZIP;
    case stream_filter::bzip2: return ARCHIVE_FILTER_BZIP2;
    case stream_filter::xz: return ARCHIVE_FILTER_XZ;
    case stream_filter::lzip: return ARCHIVE_FILTER_LZIP;
    case stream_filter::zstd: return ARCHIVE_FILTER_ZSTD;
    case stream_filter::lz4: return ARCHIVE_FILTER_LZ4;
  }
  return ARCHIVE_FILTER_NONE;
}

}  // namespace

filtered_feed::filtered_feed(archive_input& in, decoder_budget& budget, const archive_kind& kind)
    : in_(in),
      filter_(kind.filter),
      begin_(kind.begin),
      feed_(in, budget, in.size(), kind.begin),
      handle_(new_reader()) {}

result<void> filtered_feed::begin() {
  BOOST_OUTCOME_TRY(feed_.set_watch(watch_over(filter_, in_, begin_)));
  feed_.end_with_watch();
  feed_.allow(most_for_nothing(filter_));
  ::archive* const a = handle_.get();
  ::archive_read_support_format_raw(a);
  ::archive_read_support_format_empty(a);
  // Where libarchive was built without the library it would start a program.
  const int added = ::archive_read_append_filter(a, code_of(filter_));
  if (added != ARCHIVE_OK) {
    if (::archive_errno(a) == ENOMEM) return errc::out_of_memory;
    return errc::unsupported_archive;
  }
  ::archive_entry* entry;
  // A stream that can not be begun with is taken for an empty one, but its error is there.
  if (feed_.open(a) != ARCHIVE_OK || feed_.failure() || ::archive_errno(a) != 0)
    return failure_of(a, &feed_);
  const int found = ::archive_read_next_header(a, &entry);
  if (found == ARCHIVE_EOF) {
    has_ended_ = true;
    return success();
  }
  if (found != ARCHIVE_OK) return failure_of(a, &feed_);
  return success();
}

result<std::span<const std::byte>> filtered_feed::decode() {
  feed_.allow(most_for_nothing(filter_));
  while (!has_ended_) {
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int got = ::archive_read_data_block(handle_.get(), &data, &size, &offset);
    if (got == ARCHIVE_EOF) {
      has_ended_ = true;
      break;
    }
    if (got != ARCHIVE_OK) return failure_of(handle_.get(), &feed_);
    if (size == 0) continue;
    const std::span<const std::byte> piece(static_cast<const std::byte*>(data), size);
    if (filter_ == stream_filter::gzip) sum_ = crc32(sum_, piece);
    size_ += size;
    return piece;
  }
  return std::span<const std::byte>();
}

result<std::span<const std::byte>> filtered_feed::head() {
  if (!has_head_) {
    BOOST_OUTCOME_TRY(head_, decode());
    has_head_ = true;
  }
  return head_;
}

result<std::span<const std::byte>> filtered_feed::next_piece() {
  if (has_head_) {
    has_head_ = false;
    return head_;
  }
  return decode();
}

result<bool> filtered_feed::finish() {
  if (!has_ended_) {
    BOOST_OUTCOME_TRY(const auto piece, decode());
    trailing_ += piece.size();
    return trailing_ > most_trailing;
  }
  if (filter_ != stream_filter::gzip) return true;
  return check_gzip();
}

// At the end libarchive has taken as much of the input as there is of gzip, and the last thing of
// that is a checksum and a size. If the size is that of all that was decoded, the checksum is, too.
// Otherwise it is damaged, unless it is one of several that stand behind each other: then these are
// those of the last.
result<bool> filtered_feed::check_gzip() {
  if (!is_checking_) {
    is_checking_ = true;
    unchecked_ = static_cast<std::uint64_t>(
        std::max<la_int64_t>(::archive_filter_bytes(handle_.get(), 1), 0));
    std::array<std::byte, 8> trailer;
    if (unchecked_ < trailer.size()) return error(errc::corrupt_archive);
    unchecked_ -= trailer.size();
    BOOST_OUTCOME_TRY(const std::size_t count, in_.copy(unchecked_, trailer));
    if (count < trailer.size()) return error(errc::corrupt_archive);
    if (long_at(trailer, 4) == static_cast<std::uint32_t>(size_)) {
      if (long_at(trailer, 0) != sum_) return error(errc::corrupt_archive);
      return true;
    }
  }
  if (in_.arrives()) {
    const auto second = in_.second_gzip();
    if (!second || *second >= unchecked_) return error(errc::corrupt_archive);
    return true;
  }
  // Bytes are looked at in slices, with those behind them that belong to a header.
  constexpr std::size_t header = 10;
  const std::uint64_t from = unchecked_ - std::min(unchecked_, checked_at_once);
  std::vector<std::byte> part(static_cast<std::size_t>(unchecked_ - from) + header);
  BOOST_OUTCOME_TRY(const std::size_t count, in_.copy(from, part));
  const std::string_view text = text_of(std::span<const std::byte>(part).first(count));
  constexpr std::string_view magic = "\x1F\x8B\x08";
  for (std::size_t i = text.find(magic); i != text.npos; i = text.find(magic, i + 1)) {
    const bool has_flags = i + header <= text.size() && (text[i + 3] & 0xE0) == 0;
    if (from + i > 0 && has_flags) return true;
  }
  unchecked_ = from;
  if (unchecked_ == 0) return error(errc::corrupt_archive);
  return false;
}

}  // namespace coramfs::detail
