// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/libarchive_stream.hpp"

#include "integrations/archive/arriving_zip.hpp"
#include "integrations/archive/bytes_of.hpp"
#include "integrations/archive/seven_zip_header.hpp"
#include "integrations/archive/stream_watch.hpp"
#include "integrations/archive/tar_header.hpp"
#include "integrations/archive/zip_method.hpp"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

namespace coramfs::detail {

namespace {

constexpr std::size_t zip_end_record = 22;

// Formats that `archive_formats::all` adds. Some of libarchive's are none of an archive with bytes
// in it: the one of mtree reads what it names from the disk.
void support_others(::archive* a) noexcept {
  ::archive_read_support_format_ar(a);
  ::archive_read_support_format_cab(a);
  ::archive_read_support_format_cpio(a);
  ::archive_read_support_format_iso9660(a);
  ::archive_read_support_format_lha(a);
  ::archive_read_support_format_rar(a);
  ::archive_read_support_format_rar5(a);
  ::archive_read_support_format_warc(a);
  ::archive_read_support_format_xar(a);
}

bool begins_with_text(const char* text, std::string_view with) noexcept {
  return text != nullptr && std::string_view(text).substr(0, with.size()) == with;
}

// Others of its warnings are about names that it can not convert.
bool is_torn_header(::archive* a) noexcept {
  const char* const text = ::archive_error_string(a);
  if (text == nullptr) return false;
  const std::string_view said = text;
  return said.find("pax extended attribute") != said.npos ||
         said.find("special headers") != said.npos;
}

}  // namespace

result<std::unique_ptr<entry_stream>> libarchive_stream::open(std::unique_ptr<archive_input> in,
                                                              archive_formats formats,
                                                              decoder_budget& budget) {
  BOOST_OUTCOME_TRY(const archive_kind kind, kind_of(*in));
  if (in->arrives() && kind.container == container_format::zip)
    return arriving_zip::open(std::move(in), budget);
  std::unique_ptr<libarchive_stream> stream(new libarchive_stream(std::move(in), kind, budget));
  BOOST_OUTCOME_TRY(stream->begin(formats));
  return std::unique_ptr<entry_stream>(std::move(stream));
}

result<void> libarchive_stream::begin(archive_formats formats) {
  ::archive* const a = handle_.get();
  entry_ = new_entry(a);
  if (kind_.filter != stream_filter::none) {
    BOOST_OUTCOME_TRY(begin_filtered(formats));
  } else {
    std::uint64_t size = in_->size(), begin = 0;
    if (kind_.container == container_format::zip) {
      BOOST_OUTCOME_TRY(const auto end, find_zip_end(*in_));
      if (!end) return errc::corrupt_archive;
      BOOST_OUTCOME_TRY(members_, zip_members(*in_, *end, budget_));
      // libarchive looks for the end in less of the file, and takes it for no zip at all if there
      // is nothing else.
      if (members_.empty()) {
        has_ended_ = true;
        return success();
      }
      size = end->at + zip_end_record;
    } else if (in_->arrives() && kind_.container != container_format::tar) {
      return error(errc::unsupported_archive);
    } else if (kind_.container == container_format::other) {
      BOOST_OUTCOME_TRY(const auto found, find_seven_zip(*in_));
      if (found) kind_.container = container_format::seven_zip;
      begin = found.value_or(0);
    }
    plain_ = std::make_unique<input_feed>(*in_, budget_, size);
    feed_ = plain_.get();
    switch (kind_.container) {
      case container_format::tar: ::archive_read_support_format_tar(a); break;
      case container_format::zip: ::archive_read_support_format_zip_seekable(a); break;
      case container_format::seven_zip: {
        BOOST_OUTCOME_TRY(names_, require_seven_zip(*in_, begin, budget_));
        ::archive_read_support_format_7zip(a);
        break;
      }
      case container_format::other:
        if (formats != archive_formats::all) return error(errc::unsupported_archive);
        support_others(a);
        break;
    }
  }
  if (kind_.container == container_format::tar) feed_->begin_header(0, budget_);
  // There is no filter but ours.
  ::archive_read_append_filter(a, ARCHIVE_FILTER_NONE);
  if (feed_->open(a) != ARCHIVE_OK) return failure_of(a, feed_);
  return success();
}

result<void> libarchive_stream::begin_filtered(archive_formats formats) {
  filtered_ = std::make_unique<filtered_feed>(*in_, budget_, kind_);
  feed_ = filtered_.get();
  BOOST_OUTCOME_TRY(filtered_->begin());
  BOOST_OUTCOME_TRY(const auto head, filtered_->head());
  // A short piece may come first: libarchive looks at as much as it wants.
  const bool is_tar = is_tar_block(head) || (!head.empty() && head.size() < tar_block);
  if (is_tar) kind_.container = container_format::tar;
  if (!is_tar && formats != archive_formats::all) return error(errc::unsupported_archive);
  ::archive_read_support_format_tar(handle_.get());
  if (formats == archive_formats::all) support_others(handle_.get());
  return success();
}

bool libarchive_stream::decodes_to_skip() const noexcept {
  return filtered_ != nullptr ||
         (kind_.container != container_format::tar && kind_.container != container_format::zip);
}

result<std::optional<stream_entry>> libarchive_stream::next() {
  if (has_ended_) return std::optional<stream_entry>();
  ::archive* const a = handle_.get();
  BOOST_OUTCOME_TRY(skip_rest());
  if (kind_.container == container_format::zip) {
    if (next_member_ == members_.size()) {
      has_ended_ = true;
      return std::optional<stream_entry>();
    }
    BOOST_OUTCOME_TRY(look_at_member());
  }
  const utf8_scope names;
  const std::uint64_t before = position();
  BOOST_OUTCOME_TRY(const int got, read_header());
  if (got == ARCHIVE_EOF) {
    has_ended_ = true;
    // A zip has the members that its directory names. A tar ends with a block of zeros: what does
    // not has lost its end.
    const bool is_cut =
        kind_.container == container_format::zip ||
        (kind_.container == container_format::tar && position() - before < tar_block);
    if (is_cut) return errc::corrupt_archive;
    return std::optional<stream_entry>();
  }
  // A header that libarchive has given up on, and of which it has taken a part.
  if (got == ARCHIVE_WARN && kind_.container == container_format::tar && is_torn_header(a))
    return errc::corrupt_archive;
  const bool is_refused_zip = kind_.container == container_format::zip && !is_known_;
  if (got == ARCHIVE_RETRY) return errc::corrupt_archive;
  if (got != ARCHIVE_OK && got != ARCHIVE_WARN) {
    if (is_refused_zip) return error(errc::unsupported_archive);
    return failure_of(a, feed_);
  }
  has_entry_ = true;
  read_ = 0;
  stream_entry e = found();
  if (kind_.container == container_format::zip) {
    // The two places that describe a member have to say the same, or it depends on the reader what
    // it is. libarchive has to be where it was expected to be, too; with a link it has read on.
    const bool is_at_data = position() == data_;
    const bool is_link = e.entry.kind == entry_kind::symbolic_link;
    const bool is_torn =
        got == ARCHIVE_WARN && begins_with_text(::archive_error_string(a), "Inconsistent");
    if (is_torn || (!is_at_data && !is_link)) return errc::corrupt_archive;
  }
  return std::optional<stream_entry>(std::move(e));
}

// Has libarchive read the header of the next entry, and returns what it has said.
result<int> libarchive_stream::read_header() {
  ::archive* const a = handle_.get();
  tar_name_.reset();
  const bool is_tar = kind_.container == container_format::tar;
  const std::uint64_t begin = position();
  if (is_tar) feed_->begin_header(begin, budget_);
  const int got = ::archive_read_next_header2(a, entry_.get());
  const std::string header = is_tar ? feed_->end_header(position()) : std::string();
  if (feed_->failure()) return *feed_->failure();
  const bool is_read = got == ARCHIVE_OK || got == ARCHIVE_WARN;
  // With `archive_formats::all` it may be something else that begins in the same way.
  if (is_read && is_tar && (::archive_format(a) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR) {
    // A name is never that of a part.
    if (header.size() != position() - begin) return errc::corrupt_archive;
    BOOST_OUTCOME_TRY(tar_name_, name_in_header(header));
  }
  return got;
}

std::uint64_t libarchive_stream::position() const noexcept {
  return static_cast<std::uint64_t>(::archive_filter_bytes(handle_.get(), 0));
}

// What is left of the entry before. Of a zip nothing is read.
result<void> libarchive_stream::skip_rest() {
  if (!has_entry_) return success();
  has_entry_ = false;
  ::archive* const a = handle_.get();
  const int got = ::archive_read_data_skip(a);
  if (got == ARCHIVE_OK || got == ARCHIVE_EOF || got == ARCHIVE_WARN) return success();
  return failure_of(a, feed_);
}

// Before libarchive reads the header of a member, which may be a link and so decoded at once.
result<void> libarchive_stream::look_at_member() {
  const zip_listed& listed = members_[next_member_++];
  BOOST_OUTCOME_TRY(zip_member m, zip_member_at(*in_, listed));
  name_ = std::move(m.name);
  data_ = m.data;
  is_encrypted_ = m.is_encrypted;
  is_known_ = is_known_method(m.method) && !m.is_encrypted;
  work_of_byte_ = work_of_method(m.method);
  plain_->give_at_once(piece_of_method(m.method, listed.packed_size));
  if (!is_known_) return plain_->set_watch(nullptr);
  BOOST_OUTCOME_TRY(auto watch, watch_over_member(m.method, *in_, m.data, budget_));
  return plain_->set_watch(std::move(watch));
}

stream_entry libarchive_stream::found() {
  ::archive_entry* const from = entry_.get();
  stream_entry e;
  if (kind_.container == container_format::zip) {
    e.entry.name = std::move(name_);
    e.is_encrypted = is_encrypted_;
  } else {
    const char* name = ::archive_entry_pathname(from);
    if (name == nullptr) name = ::archive_entry_pathname_utf8(from);
    if (name != nullptr) e.entry.name = name;
    if (tar_name_) e.entry.name = std::move(*tar_name_);
    if (kind_.container == container_format::seven_zip) e.entry.name = names_.next();
    e.is_encrypted = ::archive_entry_is_encrypted(from) != 0;
  }
  e.entry.kind = kind_of_entry(from);
  if (::archive_entry_size_is_set(from) != 0 && e.entry.kind == entry_kind::file)
    e.entry.size = static_cast<std::uint64_t>(std::max<la_int64_t>(::archive_entry_size(from), 0));
  e.is_sparse = ::archive_entry_sparse_count(from) > 0;
  return e;
}

result<std::optional<data_block>> libarchive_stream::read() {
  if (!has_entry_) return std::optional<data_block>();
  if (!is_known_) return error(errc::unsupported_archive);
  ::archive* const a = handle_.get();
  const std::uint64_t before = feed_->given();
  for (;;) {
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int got = ::archive_read_data_block(a, &data, &size, &offset);
    if (feed_->failure()) return *feed_->failure();
    if (got == ARCHIVE_EOF) return std::optional<data_block>();
    // Of data it warns of nothing but what is damaged.
    if (got == ARCHIVE_WARN) return errc::corrupt_archive;
    if (got == ARCHIVE_RETRY) continue;
    if (got != ARCHIVE_OK) return failure_of(a, feed_);
    const std::uint64_t taken = feed_->given() - before;
    // What was read has brought nothing yet.
    if (size == 0) return data_block{read_, {}, taken, work_of_byte_};
    const auto at = static_cast<std::uint64_t>(offset);
    // A block that is out of order would be a hole over what was there before.
    if (offset < 0 || at < read_) return errc::corrupt_archive;
    read_ = at + size;
    return data_block{at, {static_cast<const std::byte*>(data), size}, taken, work_of_byte_};
  }
}

result<bool> libarchive_stream::finish() {
  if (filtered_ && !is_finished_) {
    BOOST_OUTCOME_TRY(is_finished_, filtered_->finish());
    if (!is_finished_) return false;
  }
  return in_->pass_rest();
}

}  // namespace coramfs::detail
