// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/zip_method.hpp"

#include "integrations/archive/archive_kind.hpp"
#include "integrations/archive/bytes_of.hpp"
#include "integrations/archive/seven_zip_header.hpp"

#include <array>
#include <optional>
#include <span>

namespace coramfs::detail {

namespace {

// As many bytes of a member as may say what it wants of memory.
constexpr std::size_t member_head = 9;

// What they say; none if they mean nothing.
std::optional<std::uint64_t> memory_in_head(unsigned how,
                                            std::span<const std::byte> head) noexcept {
  // Before the properties of LZMA stand a version, and their size.
  if (how == zip_lzma)
    return head.size() < member_head ? std::nullopt : lzma_dictionary(head.subspan(4));
  if (head.size() < 2) return std::nullopt;
  // Of PPMd: an order, and one less than the memory of the model, in MiB.
  return ((std::uint64_t{word_at(head, 0)} >> 4 & 0xFF) + 1) << 20;
}

}  // namespace

bool is_known_method(unsigned how) noexcept {
  return how == zip_stored || how == zip_deflated || how == zip_bzip2 || how == zip_lzma ||
         how == zip_zstd || how == zip_xz || how == zip_ppmd;
}

std::size_t piece_of_method(unsigned how, std::uint64_t packed_size) noexcept {
  constexpr std::size_t quick = input_piece / 4, slow = input_piece / 16;
  switch (how) {
    case zip_stored: return input_piece;
    case zip_deflated:
    case zip_zstd: return packed_size <= quick ? input_piece : quick;
    default: return slow;
  }
}

unsigned work_of_method(unsigned how) noexcept {
  return how == zip_bzip2 || how == zip_lzma || how == zip_xz || how == zip_ppmd ? 4 : 1;
}

result<std::unique_ptr<stream_watch>> watch_over_member(unsigned how, archive_input& in,
                                                        std::uint64_t data,
                                                        decoder_budget& budget) {
  if (how == zip_lzma || how == zip_ppmd) {
    std::array<std::byte, member_head> room;
    BOOST_OUTCOME_TRY(const std::size_t count, in.copy(data, room));
    const auto wanted = memory_in_head(how, std::span<const std::byte>(room).first(count));
    if (!wanted) return errc::corrupt_archive;
    BOOST_OUTCOME_TRY(budget.require(*wanted));
  }
  switch (how) {
    case zip_bzip2: return watch_over(stream_filter::bzip2, in, data);
    case zip_zstd: return watch_over(stream_filter::zstd, in, data);
    case zip_xz: return watch_over(stream_filter::xz, in, data);
    default: return std::unique_ptr<stream_watch>();
  }
}

}  // namespace coramfs::detail
