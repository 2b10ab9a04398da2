// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/archive_kind.hpp"

#include "integrations/archive/bytes_of.hpp"
#include "integrations/archive/zip_directory.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

namespace coramfs::detail {

namespace {

using namespace std::string_view_literals;

constexpr std::size_t block_size = 512;
// Where an image of a disc, which begins with zeros, has its name.
constexpr std::uint64_t disc_name = 32 * 1024 + 1;
// What is skipped at most before a frame of zstd or lz4: decoders get no more of what brings
// nothing.
constexpr std::uint64_t most_skipped = 1 << 20;

stream_filter filter_of(std::span<const std::byte> head) noexcept {
  struct magic {
    std::string_view bytes;
    stream_filter filter;
  };
  static constexpr magic all[] = {
      {"\x1F\x8B\x08"sv, stream_filter::gzip},
      {"BZh"sv, stream_filter::bzip2},
      {"\xFD"
       "7zXZ\0"sv,
       stream_filter::xz},
      {"LZIP"sv, stream_filter::lzip},
      {"\x28\xB5\x2F\xFD"sv, stream_filter::zstd},
      {"\x04\x22\x4D\x18"sv, stream_filter::lz4},
  };
  for (const magic& m : all)
    if (begins_with(head, m.bytes)) return m.filter;
  return stream_filter::none;
}

// Of what begins with frames that zstd and lz4 skip, by the one behind those: the programs that
// compress in parallel begin so. There the stream is begun with: of one that arrives what was
// skipped may have gone.
result<archive_kind> kind_behind_skipped(archive_input& in) {
  std::array<std::byte, 8> frame;
  for (std::uint64_t at = 0; at <= most_skipped; at += 8 + std::uint64_t{long_at(frame, 4)}) {
    BOOST_OUTCOME_TRY(const std::size_t count, in.copy(at, frame));
    if (count < frame.size()) break;
    if ((long_at(frame, 0) & 0xFFFFFFF0) == 0x184D2A50) continue;
    const stream_filter found = filter_of(frame);
    if (found != stream_filter::zstd && found != stream_filter::lz4) break;
    archive_kind kind;
    kind.filter = found;
    kind.begin = at;
    return kind;
  }
  return archive_kind();
}

bool is_zero(std::span<const std::byte> bytes) noexcept {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte(0); });
}

}  // namespace

bool is_tar_block(std::span<const std::byte> block) noexcept {
  if (block.size() < block_size) return false;
  block = block.first(block_size);
  // Octal digits, spaces around them; in the sum they count as spaces.
  const std::string_view digits = text_of(block).substr(148, 8);
  std::uint32_t said = 0, sum = 0;
  std::int32_t signed_sum = 0;
  for (const char c : digits) {
    if (c >= '0' && c <= '7')
      said = said * 8 + static_cast<std::uint32_t>(c - '0');
    else if (c != ' ' && c != '\0')
      return false;
  }
  for (std::size_t i = 0; i < block_size; ++i) {
    const std::uint8_t b = i >= 148 && i < 156 ? std::uint8_t{' '} : byte_at(block, i);
    sum += b;
    signed_sum += static_cast<std::int8_t>(b);
  }
  return is_zero(block) || said == sum || static_cast<std::int32_t>(said) == signed_sum;
}

result<archive_kind> kind_of(archive_input& in) {
  std::array<std::byte, block_size> room;
  BOOST_OUTCOME_TRY(const std::size_t count, in.copy(0, room));
  const auto head = std::span<const std::byte>(room).first(count);
  archive_kind kind;
  if (begins_with(head, "7z\xBC\xAF\x27\x1C"sv)) {
    kind.container = container_format::seven_zip;
    return kind;
  }
  kind.filter = filter_of(head);
  if (kind.filter == stream_filter::none) {
    BOOST_OUTCOME_TRY(kind, kind_behind_skipped(in));
  }
  if (kind.filter != stream_filter::none) return kind;
  if (is_tar_block(head)) {
    // Of a tar that arrives no more is waited for than its first block.
    if (is_zero(head)) {
      std::array<std::byte, 5> name;
      BOOST_OUTCOME_TRY(const std::size_t named, in.copy(disc_name, name));
      if (named == name.size() && begins_with(name, "CD001"sv)) return kind;
    }
    kind.container = container_format::tar;
    return kind;
  }
  if (in.arrives()) {
    // Its end can not be seen yet.
    if (begins_with(head, "PK\3\4"sv) || begins_with(head, "PK\5\6"sv))
      kind.container = container_format::zip;
    return kind;
  }
  BOOST_OUTCOME_TRY(const auto end, find_zip_end(in));
  if (end) {
    kind.container = container_format::zip;
  } else if (begins_with(head, "PK\3\4"sv)) {
    // It has lost its end.
    return errc::corrupt_archive;
  }
  return kind;
}

}  // namespace coramfs::detail
