// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/zip_comparison.hpp"

#include "integrations/archive/bytes_of.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>

namespace coramfs::detail {

namespace {

using namespace std::string_view_literals;

constexpr std::size_t end_size = 22, end64_size = 56, locator_size = 20;

// What the record behind the directory says of it.
struct directory_end {
  std::uint64_t entries, size, begin;
};

}  // namespace

result<void> zip_comparison::add(std::uint64_t at, const zip_member& found, entry_kind taken_as,
                                 decoder_budget& budget) {
  BOOST_OUTCOME_TRY(budget.remember(sizeof(member)));
  members_.push_back({at, found.packed_size, found.size, found.name_crc, found.crc,
                      static_cast<std::uint16_t>(found.method), taken_as, false});
  return success();
}

result<void> zip_comparison::compare(archive_input& in, std::uint64_t begin) {
  std::uint64_t at = begin;
  for (std::size_t listed = 0;; ++listed) {
    BOOST_OUTCOME_TRY(const auto entry, zip_entry_at(in, at));
    if (!entry) {
      if (listed != members_.size()) return errc::corrupt_archive;
      return compare_end(in, begin, at);
    }
    BOOST_OUTCOME_TRY(find(*entry));
    at = entry->next;
  }
}

result<void> zip_comparison::find(const zip_entry& listed) {
  if (next_ >= members_.size() || members_[next_].at != listed.listed.at) {
    const auto found =
        std::lower_bound(members_.begin(), members_.end(), listed.listed.at,
                         [](const member& m, std::uint64_t offset) { return m.at < offset; });
    next_ = static_cast<std::size_t>(found - members_.begin());
  }
  if (next_ == members_.size()) return errc::corrupt_archive;
  member& m = members_[next_++];
  const bool is_same = m.at == listed.listed.at && !m.is_listed &&
                       m.name_crc == listed.listed.name_crc && m.method == listed.method &&
                       m.crc == listed.crc && m.packed_size == listed.packed_size &&
                       m.size == listed.size;
  if (!is_same) return errc::corrupt_archive;
  m.is_listed = true;
  if (!listed.kind || *listed.kind == m.taken_as) return success();
  const bool is_plain = *listed.kind == entry_kind::file || *listed.kind == entry_kind::directory;
  return is_plain ? errc::corrupt_archive : errc::unsafe_archive_entry;
}

// `end` is where the directory ends: a record stands there, before which a large zip has two more.
result<void> zip_comparison::compare_end(archive_input& in, std::uint64_t begin,
                                         std::uint64_t end) const {
  std::array<std::byte, end64_size> room;
  const auto take = [&](std::uint64_t at, std::size_t size,
                        std::string_view magic) -> result<bool> {
    BOOST_OUTCOME_TRY(const std::size_t count, in.copy(at, std::span(room).first(size)));
    return count == size && begins_with(room, magic);
  };
  std::uint64_t at = end;
  std::optional<directory_end> large;
  BOOST_OUTCOME_TRY(const bool has_large, take(at, end64_size, "PK\6\6"sv));
  if (has_large) {
    large = {number_at(room, 32, 8), number_at(room, 40, 8), number_at(room, 48, 8)};
    at += 12 + number_at(room, 4, 8);
    BOOST_OUTCOME_TRY(const bool has_locator, take(at, locator_size, "PK\6\7"sv));
    if (!has_locator || number_at(room, 8, 8) != end) return errc::corrupt_archive;
    at += locator_size;
  }
  BOOST_OUTCOME_TRY(const bool has_end, take(at, end_size, "PK\5\6"sv));
  if (!has_end) return errc::corrupt_archive;
  directory_end said{word_at(room, 10), long_at(room, 12), long_at(room, 16)};
  const bool is_one_volume = long_at(room, 4) == 0 && word_at(room, 8) == word_at(room, 10);
  const std::size_t comment = word_at(room, 20);
  if (large) {
    if (said.entries == 0xFFFF) said.entries = large->entries;
    if (said.size == 0xFFFFFFFF) said.size = large->size;
    if (said.begin == 0xFFFFFFFF) said.begin = large->begin;
  }
  const bool is_same =
      said.entries == members_.size() && said.size == end - begin && said.begin == begin;
  if (!is_one_volume || !is_same) return errc::corrupt_archive;
  if (comment == 0) return success();
  // A comment is a part of it, too.
  at += end_size + comment - 1;
  BOOST_OUTCOME_TRY(const std::size_t count, in.copy(at, std::span(room).first(1)));
  if (count == 0) return errc::corrupt_archive;
  return success();
}

}  // namespace coramfs::detail
