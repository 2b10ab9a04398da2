// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/zip_directory.hpp"

#include "integrations/archive/bytes_of.hpp"
#include "integrations/archive/crc32.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>

namespace coramfs::detail {

namespace {

using namespace std::string_view_literals;

constexpr std::size_t entry_size = 46, local_size = 30, most_comment = 0xFFFF;
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

// The texts of a header. Mostly they are short, and then nothing is allocated for them.
class header_texts {
 public:
  header_texts() noexcept {}

  // Throws `std::bad_alloc`.
  result<std::span<const std::byte>> read(archive_input& in, std::uint64_t offset,
                                          std::size_t size) {
    std::span<std::byte> room(few_);
    if (size > room.size()) {
      many_.resize(size);
      room = many_;
    }
    BOOST_OUTCOME_TRY(take(in, offset, room.first(size)));
    return room.first(size);
  }

 private:
  std::array<std::byte, 256> few_;
  std::vector<std::byte> many_;
};

// Where the directory is said to begin, and where it is.
struct directory_place {
  std::uint64_t said, found;
};

result<directory_place> find_directory(archive_input& in, const zip_end& end) {
  std::array<std::byte, zip_end_size> record;
  BOOST_OUTCOME_TRY(take(in, end.at, record));
  const std::uint64_t size = long_at(record, 12);
  directory_place place{long_at(record, 16), end.at - size};
  std::array<std::byte, zip_locator_size> locator;
  if (end.at < zip_locator_size) return place;
  BOOST_OUTCOME_TRY(take(in, end.at - zip_locator_size, locator));
  if (!begins_with(locator, "PK\6\7"sv)) return place;
  std::array<std::byte, zip_end64_size> record64;
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

// Numbers that a header has no room for stand in a field of their own, in this order.
void take_large(std::span<const std::byte> extra, std::initializer_list<std::uint64_t*> numbers) {
  const auto large = extra_field(extra, 1);
  std::size_t at = 0;
  for (std::uint64_t* const n : numbers) {
    if (*n != 0xFFFFFFFF) continue;
    if (large && large->size() >= at + 8) *n = number_at(*large, at, 8);
    at += 8;
  }
}

// As libarchive takes them: those of DOS, and modes of Unix. A pipe is what was packed from one.
std::optional<entry_kind> kind_by_attributes(unsigned system, std::uint32_t attributes) noexcept {
  constexpr unsigned dos = 0, unix = 3;
  if (system == dos) return (attributes & 0x10) != 0 ? entry_kind::directory : entry_kind::file;
  if (system != unix) return std::nullopt;
  switch (attributes >> 28) {
    case 0x0: return std::nullopt;
    case 0x1:
    case 0x8: return entry_kind::file;
    case 0x4: return entry_kind::directory;
    case 0xA: return entry_kind::symbolic_link;
    case 0x2:
    case 0x6: return entry_kind::device;
    default: return entry_kind::other;
  }
}

// What ends in a slash is a directory to all readers, whatever the attributes of a plain file say:
// those who write archives of Java say nothing else. Of a backslash that depends on who wrote it.
std::optional<entry_kind> kind_by_name(std::optional<entry_kind> kind,
                                       std::span<const std::byte> name) noexcept {
  if (kind && *kind != entry_kind::file) return kind;
  if (text_of(name).ends_with('/')) return entry_kind::directory;
  return text_of(name).ends_with('\\') ? std::nullopt : kind;
}

}  // namespace

result<std::optional<zip_end>> find_zip_end(archive_input& in) {
  if (in.size() < zip_end_size) return std::nullopt;
  const std::uint64_t from =
      in.size() - std::min<std::uint64_t>(in.size(), most_comment + zip_end_size);
  std::vector<std::byte> tail(static_cast<std::size_t>(in.size() - from));
  BOOST_OUTCOME_TRY(take(in, from, tail));
  const std::span<const std::byte> all = tail;
  for (std::size_t i = tail.size() - zip_end_size + 1; i-- > 0;) {
    const auto record = all.subspan(i);
    if (byte_at(record, 0) != 'P' || !begins_with(record, "PK\5\6"sv)) continue;
    if (record.size() - zip_end_size < word_at(record, 20)) continue;
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

result<std::optional<zip_entry>> zip_entry_at(archive_input& in, std::uint64_t at) {
  std::array<std::byte, entry_size> entry;
  BOOST_OUTCOME_TRY(const std::size_t count, in.copy(at, entry));
  if (!begins_with(std::span(entry).first(count), "PK\1\2"sv)) {
    if (count < 4) return errc::corrupt_archive;
    return std::nullopt;
  }
  if (count < entry_size) return errc::corrupt_archive;
  const std::size_t name = word_at(entry, 28), more = word_at(entry, 30);
  header_texts texts;
  BOOST_OUTCOME_TRY(const auto all, texts.read(in, at + entry_size, name + more));
  zip_entry e;
  e.listed = {long_at(entry, 42), crc32(0, all.first(name)), 0};
  e.method = word_at(entry, 10);
  e.crc = long_at(entry, 16);
  e.packed_size = long_at(entry, 20);
  e.size = long_at(entry, 24);
  take_large(all.subspan(name), {&e.size, &e.packed_size, &e.listed.at});
  e.listed.packed_size =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(e.packed_size, 0xFFFFFFFF));
  e.kind = kind_by_name(kind_by_attributes(byte_at(entry, 5), long_at(entry, 38)), all.first(name));
  e.next = at + entry_size + name + more + word_at(entry, 32);
  return std::optional(e);
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
  for (;;) {
    BOOST_OUTCOME_TRY(const auto found, zip_entry_at(in, at));
    if (!found) {
      BOOST_OUTCOME_TRY(take(in, at, std::span(entry).first(4)));
      if (begins_with(entry, "PK\5\6"sv) || begins_with(entry, "PK\6\6"sv)) break;
      return errc::corrupt_archive;
    }
    BOOST_OUTCOME_TRY(budget.remember(kept_for_entry));
    members.push_back(found->listed);
    members.back().at += correction;
    at = found->next;
  }
  const auto is_before = [](const zip_listed& a, const zip_listed& b) { return a.at < b.at; };
  // Mostly they are.
  if (!std::is_sorted(members.begin(), members.end(), is_before))
    std::sort(members.begin(), members.end(), is_before);
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

result<zip_member> zip_header_at(archive_input& in, std::uint64_t offset) {
  std::array<std::byte, local_size> header;
  BOOST_OUTCOME_TRY(take(in, offset, header));
  if (!begins_with(header, "PK\3\4"sv)) return errc::corrupt_archive;
  const std::size_t name = word_at(header, 26), extra = word_at(header, 28);
  header_texts rest;
  BOOST_OUTCOME_TRY(const auto all, rest.read(in, offset + local_size, name + extra));
  zip_member m;
  m.method = word_at(header, 8);
  m.is_encrypted = (word_at(header, 6) & 0x41) != 0;
  m.is_masked = (word_at(header, 6) & 0x2000) != 0;
  m.has_descriptor = (word_at(header, 6) & 8) != 0;
  m.crc = long_at(header, 14);
  m.packed_size = long_at(header, 18);
  m.size = long_at(header, 22);
  take_large(all.subspan(name), {&m.size, &m.packed_size});
  m.name_crc = crc32(0, all.first(name));
  m.name = text_of(all.first(name));
  if (const auto better = unicode_name(all.subspan(name), all.first(name))) m.name = *better;
  m.data = offset + local_size + name + extra;
  return m;
}

result<zip_member> zip_member_at(archive_input& in, const zip_listed& listed) {
  BOOST_OUTCOME_TRY(zip_member m, zip_header_at(in, listed.at));
  if (m.name_crc != listed.name_crc) return errc::corrupt_archive;
  return m;
}

}  // namespace coramfs::detail
