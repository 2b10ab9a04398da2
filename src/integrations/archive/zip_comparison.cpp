// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/zip_comparison.hpp"

#include "integrations/archive/bytes_of.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

namespace coramfs::detail {

namespace {

using namespace std::string_view_literals;

// What stands in the larger record before the number that says how long the rest of it is, and
// that.
constexpr std::size_t end64_head = 12;
// How long that is at most: nobody has defined what may stand there.
constexpr std::uint64_t most_of_end64 = 64 * 1024;

// As much is paid for a member: the list has a part that is not used, and a map of its parts.
constexpr std::uint64_t kept_for_member = 64;

// What the record behind the directory says of it.
struct directory_end {
  std::uint64_t entries, size, begin;

  bool operator==(const directory_end&) const = default;
};

// The same where all ones are no number.
bool is_same_or_unsaid(const directory_end& said, const directory_end& found) noexcept {
  return (said.entries == 0xFFFF || said.entries == found.entries) &&
         (said.size == 0xFFFFFFFF || said.size == found.size) &&
         (said.begin == 0xFFFFFFFF || said.begin == found.begin);
}

}  // namespace

result<void> zip_comparison::add(std::uint64_t at, const zip_member& found, entry_kind taken_as,
                                 decoder_budget& budget) {
  static_assert(sizeof(member) < kept_for_member);
  if (!budget.may_keep((members_.size() + 1) * kept_for_member))
    return error(errc::unsupported_archive);
  BOOST_OUTCOME_TRY(budget.remember(kept_for_member));
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
                                         std::uint64_t end) {
  std::array<std::byte, zip_end64_size> room;
  const auto take = [&](std::uint64_t at, std::size_t size,
                        std::string_view magic) -> result<bool> {
    BOOST_OUTCOME_TRY(const std::size_t count, in.copy(at, std::span(room).first(size)));
    return count == size && begins_with(room, magic);
  };
  const directory_end found{members_.size(), end - begin, begin};
  end_ = end;
  BOOST_OUTCOME_TRY(const bool has_large, take(end, zip_end64_size, "PK\6\6"sv));
  if (has_large) {
    // The version that it takes to read an encrypted directory.
    if (word_at(room, 14) >= 62) return error(errc::unsupported_archive);
    const directory_end large{number_at(room, 32, 8), number_at(room, 40, 8),
                              number_at(room, 48, 8)};
    const std::uint64_t rest = number_at(room, 4, 8);
    if (rest < zip_end64_size - end64_head || rest > most_of_end64 || large != found)
      return errc::corrupt_archive;
    end_ += end64_head + rest + zip_locator_size;
  }
  // Who reads from the end believes what stands right before the last record.
  if (end_ >= zip_locator_size) {
    BOOST_OUTCOME_TRY(const bool has_locator,
                      take(end_ - zip_locator_size, zip_locator_size, "PK\6\7"sv));
    if (has_locator != has_large) return errc::corrupt_archive;
    if (has_large && number_at(room, 8, 8) != end) return errc::corrupt_archive;
  }
  BOOST_OUTCOME_TRY(const bool has_end, take(end_, zip_end_size, "PK\5\6"sv));
  if (!has_end) return errc::corrupt_archive;
  const directory_end said{word_at(room, 10), long_at(room, 12), long_at(room, 16)};
  const auto is_first = [&](std::size_t at) {
    return word_at(room, at) == 0 || (has_large && word_at(room, at) == 0xFFFF);
  };
  const bool is_one_volume = is_first(4) && is_first(6) && word_at(room, 8) == word_at(room, 10);
  const bool is_same = has_large ? is_same_or_unsaid(said, found) : said == found;
  if (!is_one_volume || !is_same) return errc::corrupt_archive;
  const std::size_t comment = word_at(room, 20);
  if (comment == 0) return success();
  // A comment is a part of it, too.
  BOOST_OUTCOME_TRY(const std::size_t count,
                    in.copy(end_ + zip_end_size + comment - 1, std::span(room).first(1)));
  if (count == 0) return errc::corrupt_archive;
  return success();
}

result<void> zip_comparison::compare_last(archive_input& in) const {
  BOOST_OUTCOME_TRY(const auto last, find_zip_end(in));
  if (!last || last->at != end_) return errc::corrupt_archive;
  return success();
}

}  // namespace coramfs::detail
