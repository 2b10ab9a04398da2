// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/arriving_zip.hpp"

#include "integrations/archive/bytes_of.hpp"
#include "integrations/archive/stream_watch.hpp"
#include "integrations/archive/zip_method.hpp"

#include <array>
#include <span>
#include <string_view>

namespace coramfs::detail {

using namespace std::string_view_literals;

namespace {

// Whatever follows a member begins so.
constexpr std::string_view next_magic = "PK"sv;

bool is_unsaid_or(std::uint64_t said, std::uint64_t found) noexcept {
  return said == 0 || said == 0xFFFFFFFF || said == found;
}

}  // namespace

arriving_zip::arriving_zip(std::unique_ptr<archive_input> in, decoder_budget& budget)
    : in_(std::move(in)),
      budget_(budget),
      feed_(*in_, budget, in_->size()),
      handle_(new_reader()),
      entry_(new_entry(handle_.get())) {
  ::archive_read_support_format_zip_streamable(handle_.get());
  ::archive_read_append_filter(handle_.get(), ARCHIVE_FILTER_NONE);
}

result<std::unique_ptr<entry_stream>> arriving_zip::open(std::unique_ptr<archive_input> in,
                                                         decoder_budget& budget) {
  return std::unique_ptr<entry_stream>(new arriving_zip(std::move(in), budget));
}

result<std::optional<stream_entry>> arriving_zip::next() {
  BOOST_OUTCOME_TRY(end_member());
  std::array<std::byte, 4> magic;
  BOOST_OUTCOME_TRY(const std::size_t count, in_->copy(at_, magic));
  if (count < magic.size()) return errc::corrupt_archive;
  if (!begins_with(magic, "PK\3\4"sv)) return std::optional<stream_entry>();
  BOOST_OUTCOME_TRY(look_at_member());
  ::archive* const a = handle_.get();
  const utf8_scope names;
  if (!is_open_ && feed_.open(a) != ARCHIVE_OK) return failure_of(a, &feed_);
  is_open_ = true;
  const int got = ::archive_read_next_header2(a, entry_.get());
  if (feed_.failure()) return *feed_.failure();
  if (got != ARCHIVE_OK && got != ARCHIVE_WARN) {
    if (!is_readable_) return error(errc::unsupported_archive);
    return errc::corrupt_archive;
  }
  // It has to be where it was expected to be: so it reads what was looked at.
  if (static_cast<std::uint64_t>(::archive_filter_bytes(a, 0)) != member_->data)
    return errc::corrupt_archive;
  stream_entry e;
  e.entry.name = member_->name;
  e.entry.kind = kind_ = kind_of_entry(entry_.get());
  if (!member_->has_descriptor && e.entry.kind == entry_kind::file) e.entry.size = member_->size;
  e.is_encrypted = member_->is_encrypted;
  return std::optional<stream_entry>(std::move(e));
}

// Before libarchive reads its header.
result<void> arriving_zip::look_at_member() {
  BOOST_OUTCOME_TRY(member_, zip_header_at(*in_, at_));
  if (member_->is_masked) return error(errc::unsupported_archive);
  is_read_ = false;
  read_ = 0;
  is_readable_ = is_known_method(member_->method) && !member_->is_encrypted;
  // Of others that end where only their end says, one does not know where that is.
  if (member_->has_descriptor) {
    bool has_end = is_readable_ && member_->method == zip_deflated;
    if (is_readable_ && member_->method == zip_stored) {
      BOOST_OUTCOME_TRY(has_end, is_empty());
    }
    if (!has_end) return error(errc::unsupported_archive);
  }
  if (!is_readable_) return feed_.set_watch(nullptr);
  BOOST_OUTCOME_TRY(auto watch, watch_over_member(member_->method, *in_, member_->data, budget_));
  return feed_.set_watch(std::move(watch));
}

// Whether at once there stands what ends a member without any bytes, as that is written for an
// empty file. If it is not meant so, the directory tells.
result<bool> arriving_zip::is_empty() {
  constexpr std::string_view end = "PK\7\10\0\0\0\0\0\0\0\0\0\0\0\0"sv;
  std::array<std::byte, end.size()> room;
  BOOST_OUTCOME_TRY(const std::size_t count, in_->copy(member_->data, room));
  return count == room.size() && begins_with(room, end);
}

result<std::optional<data_block>> arriving_zip::read() {
  if (!member_ || is_read_) return std::optional<data_block>();
  if (!is_readable_) return error(errc::unsupported_archive);
  ::archive* const a = handle_.get();
  const std::uint64_t before = feed_.given();
  const void* data = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  const int got = ::archive_read_data_block(a, &data, &size, &offset);
  if (feed_.failure()) return *feed_.failure();
  if (got == ARCHIVE_EOF) {
    is_read_ = true;
    return std::optional<data_block>();
  }
  if (got == ARCHIVE_WARN) return errc::corrupt_archive;
  if (got != ARCHIVE_OK && got != ARCHIVE_RETRY) return failure_of(a, &feed_);
  const std::uint64_t at = read_, taken = feed_.given() - before;
  if (got == ARCHIVE_RETRY || size == 0) return data_block{at, {}, taken};
  if (offset < 0 || static_cast<std::uint64_t>(offset) != at) return errc::corrupt_archive;
  read_ += size;
  return data_block{at, {static_cast<const std::byte*>(data), size}, taken};
}

// What is left of a member that is not taken is read, where it can be: so its checksum is seen.
result<void> arriving_zip::end_member() {
  if (!member_) return success();
  while (is_readable_ && !is_read_) {
    BOOST_OUTCOME_TRY(read());
  }
  const std::uint64_t begin = at_;
  if (member_->has_descriptor) {
    BOOST_OUTCOME_TRY(read_descriptor());
  } else {
    if (is_readable_ && read_ != member_->size) return errc::corrupt_archive;
    if (member_->packed_size > in_->size() - member_->data) return errc::corrupt_archive;
    at_ = member_->data + member_->packed_size;
  }
  BOOST_OUTCOME_TRY(found_.add(begin, *member_, kind_, budget_));
  member_.reset();
  return success();
}

// The checksum and the sizes that stand behind a deflated member, whose end it knows by itself.
// They have 32 bits, or 64, and what says that they are there may be missing.
result<void> arriving_zip::read_descriptor() {
  const auto end = static_cast<std::uint64_t>(::archive_filter_bytes(handle_.get(), 0));
  if (end < member_->data) return errc::corrupt_archive;
  std::array<std::byte, 24 + next_magic.size()> room;
  BOOST_OUTCOME_TRY(const std::size_t count, in_->copy(end, room));
  const auto all = std::span<const std::byte>(room).first(count);
  const std::uint64_t packed_size = end - member_->data;
  for (const std::size_t begin : {std::size_t{4}, std::size_t{0}}) {
    if (begin == 4 && !begins_with(all, "PK\7\10"sv)) continue;
    for (const std::size_t width : {std::size_t{4}, std::size_t{8}}) {
      const std::size_t size = begin + 4 + 2 * width;
      // Of nothing the sizes are the same in both widths, but something follows only one of them.
      if (size > all.size() || !begins_with(all.subspan(size), next_magic)) continue;
      if (number_at(all, begin + 4, width) != packed_size) continue;
      if (number_at(all, begin + 4 + width, width) != read_) continue;
      // What the header says beforehand is nothing, or the same.
      const bool is_same = is_unsaid_or(member_->crc, long_at(all, begin)) &&
                           is_unsaid_or(member_->packed_size, packed_size) &&
                           is_unsaid_or(member_->size, read_);
      if (!is_same) return errc::corrupt_archive;
      member_->crc = long_at(all, begin);
      member_->packed_size = packed_size;
      member_->size = read_;
      at_ = end + size;
      return success();
    }
  }
  return errc::corrupt_archive;
}

result<bool> arriving_zip::finish() {
  if (!is_compared_) {
    BOOST_OUTCOME_TRY(found_.compare(*in_, at_));
    is_compared_ = true;
  }
  BOOST_OUTCOME_TRY(const bool has_ended, in_->pass_rest());
  if (has_ended) {
    BOOST_OUTCOME_TRY(found_.compare_last(*in_));
  }
  return has_ended;
}

}  // namespace coramfs::detail
