// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/zip_directory.hpp"

#include "integrations/archive/bytes_of.hpp"
#include "integrations/archive/crc32.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

namespace coramfs::detail {

namespace {

using namespace std::string_view_literals;

constexpr std::size_t end_size = 22, locator_size = 20, end64_size = 56, entry_size = 46,
                      local_size = 30, most_comment = 0xFFFF;
// What may stand before a zip of more than 4 GiB, which is looked through for its directory.
constexpr std::uint64_t most_before = 1 << 20;
// What libarchive keeps of an entry, with what is kept here.
constexpr std::uint64_t kept_for_entry = 216 + 2 * sizeof(zip_listed);

// Of an entry of the directory, or of a member's own header: the field with that number.
std::optional<std::span<const std::byte>> extra_field(std::span<const std::byte> extra,
                                                      unsigned id) noexcept {
  while (extra.size() >= 4) {
    const std::size_t size = word_at(extra, 2);
    if (size > extra.size() - 4) break;
    if (word_at(extra, 0) == id) return extra.subspan(4, size);
    extra = extra.subspan(4 + size);
  }
  return std::nullopt;
}

// Reads exactly so many bytes.
result<void> take(archive_input& in, std::uint64_t offset, std::span<std::byte> to) {
  BOOST_OUTCOME_TRY(const std::size_t count, in.copy(offset, to));
  if (count < to.size()) return errc::corrupt_archive;
  return success();
}

// Where the directory is said to begin, and where it is.
struct directory_place {
  std::uint64_t said, found;
};

result<directory_place> find_directory(archive_input& in, const zip_end& end) {
  std::array<std::byte, end_size> record;
  BOOST_OUTCOME_TRY(take(in, end.at, record));
  const std::uint64_t size = long_at(record, 12);
  directory_place place{long_at(record, 16), end.at - size};
  std::array<std::byte, locator_size> locator;
  if (end.at < locator_size) return place;
  BOOST_OUTCOME_TRY(take(in, end.at - locator_size, locator));
  if (!begins_with(locator, "PK\6\7"sv)) return place;
  std::array<std::byte, end64_size> record64;
  const std::uint64_t at = number_at(locator, 8, 8);
  if (at > in.size()) return errc::corrupt_archive;
  BOOST_OUTCOME_TRY(take(in, at, record64));
  if (!begins_with(record64, "PK\6\6"sv)) return errc::corrupt_archive;
  // The version that it takes to read an encrypted directory.
  if (word_at(record64, 14) >= 62) return errc::unsupported_archive;
  place.said = place.found = number_at(record64, 48, 8);
  return place;
}

bool is_directory_record(std::span<const std::byte> b) noexcept {
  return begins_with(b, "PK\1\2"sv) || begins_with(b, "PK\5\6"sv) || begins_with(b, "PK\6\6"sv);
}

// A name in UTF-8 beside the one of the header, which is taken if it is for that name.
std::optional<std::string_view> unicode_name(std::span<const std::byte> extra,
                                             std::span<const std::byte> name) noexcept {
  const auto field = extra_field(extra, 0x7075);
  if (!field || field->size() < 5 || byte_at(*field, 0) != 1) return std::nullopt;
  if (long_at(*field, 1) != crc32(0, name)) return std::nullopt;
  return text_of(field->subspan(5));
}

}  // namespace

result<std::optional<zip_end>> find_zip_end(archive_input& in) {
  if (in.size() < end_size) return std::nullopt;
  const std::uint64_t from =
      in.size() - std::min<std::uint64_t>(in.size(), most_comment + end_size);
  std::vector<std::byte> tail(static_cast<std::size_t>(in.size() - from));
  BOOST_OUTCOME_TRY(take(in, from, tail));
  const std::span<const std::byte> all = tail;
  for (std::size_t i = tail.size() - end_size + 1; i-- > 0;) {
    const auto record = all.subspan(i);
    if (byte_at(record, 0) != 'P' || !begins_with(record, "PK\5\6"sv)) continue;
    if (record.size() - end_size < word_at(record, 20)) continue;
    const zip_end end{from + i, word_at(record, 10), long_at(record, 12)};
    // What libarchive asks of it: one volume, and a directory that stands before this. All ones are
    // no number: that is in the larger record then.
    const std::uint64_t offset = long_at(record, 16);
    const auto is_number = [&](std::size_t at) { return word_at(record, at) != 0xFFFF; };
    const bool is_one =
        (!is_number(4) || word_at(record, 4) == 0) && (!is_number(6) || word_at(record, 6) == 0) &&
        (!is_number(8) || !is_number(10) || word_at(record, 8) == word_at(record, 10));
    const bool is_large = end.size == 0xFFFFFFFF || offset == 0xFFFFFFFF;
    if (is_one && (is_large || offset + end.size <= end.at)) return end;
  }
  return std::nullopt;
}

result<std::vector<zip_listed>> zip_members(archive_input& in, const zip_end& end,
                                            decoder_budget& budget) {
  std::vector<zip_listed> members;
  if (end.entries == 0 && end.size == 0) return members;
  BOOST_OUTCOME_TRY(const directory_place place, find_directory(in, end));
  std::uint64_t at = place.found;
  std::array<std::byte, entry_size> entry;
  // Something may stand before the zip, and the offsets in it be too small.
  for (;; ++at) {
    if (at - place.found > most_before) return errc::corrupt_archive;
    BOOST_OUTCOME_TRY(take(in, at, std::span(entry).first(4)));
    if (is_directory_record(entry)) break;
  }
  const std::uint64_t correction = at - place.said;
  std::vector<std::byte> texts;
  for (;;) {
    BOOST_OUTCOME_TRY(take(in, at, std::span(entry).first(4)));
    if (begins_with(entry, "PK\5\6"sv) || begins_with(entry, "PK\6\6"sv)) break;
    BOOST_OUTCOME_TRY(take(in, at, entry));
    if (!begins_with(entry, "PK\1\2"sv)) return errc::corrupt_archive;
    const std::size_t name = word_at(entry, 28), more = word_at(entry, 30);
    std::uint64_t offset = long_at(entry, 42);
    texts.resize(name + more);
    BOOST_OUTCOME_TRY(take(in, at + entry_size, texts));
    const std::span<const std::byte> all = texts;
    if (offset == 0xFFFFFFFF) {
      const auto large = extra_field(all.subspan(name), 1);
      // It has those of three numbers that the entry has no room for.
      const std::size_t before = (long_at(entry, 24) == 0xFFFFFFFF ? 8u : 0u) +
                                 (long_at(entry, 20) == 0xFFFFFFFF ? 8u : 0u);
      if (large && large->size() >= before + 8) offset = number_at(*large, before, 8);
    }
    BOOST_OUTCOME_TRY(budget.remember(kept_for_entry));
    members.push_back({offset + correction, crc32(0, all.first(name))});
    at += entry_size + name + more + word_at(entry, 32);
  }
  std::sort(members.begin(), members.end(),
            [](const zip_listed& a, const zip_listed& b) { return a.at < b.at; });
  std::size_t kept = 0;
  for (const zip_listed& m : members) {
    if (kept == 0 || members[kept - 1].at != m.at)
      members[kept++] = m;
    else if (members[kept - 1].name_crc != m.name_crc)
      return errc::corrupt_archive;
  }
  members.resize(kept);
  return members;
}

result<zip_member> zip_member_at(archive_input& in, const zip_listed& listed) {
  const std::uint64_t offset = listed.at;
  std::array<std::byte, local_size> header;
  BOOST_OUTCOME_TRY(take(in, offset, header));
  if (!begins_with(header, "PK\3\4"sv)) return errc::corrupt_archive;
  const std::size_t name = word_at(header, 26), extra = word_at(header, 28);
  std::vector<std::byte> rest(name + extra);
  BOOST_OUTCOME_TRY(take(in, offset + local_size, rest));
  const std::span<const std::byte> all = rest;
  if (crc32(0, all.first(name)) != listed.name_crc) return errc::corrupt_archive;
  zip_member m;
  m.method = word_at(header, 8);
  m.is_encrypted = (word_at(header, 6) & 0x41) != 0;
  m.name = text_of(all.first(name));
  if (const auto better = unicode_name(all.subspan(name), all.first(name))) m.name = *better;
  m.data = offset + local_size + name + extra;
  return m;
}

}  // namespace coramfs::detail
