// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/xz_watch.hpp"

#include "integrations/archive/bytes_of.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace coramfs::detail {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view stream_magic =
    "\xFD"
    "7zXZ\0"sv;
constexpr std::size_t stream_header = 12, most_header = 1024;
constexpr std::uint64_t lzma2_filter = 0x21;
// Of the index, behind its padding: a checksum, and the end of the stream.
constexpr std::uint64_t index_end = 4 + 12;

std::uint64_t padded(std::uint64_t size) noexcept { return (size + 3) / 4 * 4; }

// A number of seven bits a byte, which it takes off; none if it does not end.
std::optional<std::uint64_t> take_number(std::span<const std::byte>& from) noexcept {
  std::uint64_t n = 0;
  for (std::size_t i = 0; i < std::min<std::size_t>(from.size(), 9); ++i) {
    const std::uint8_t b = byte_at(from, i);
    n |= std::uint64_t{b & 0x7Fu} << (7 * i);
    if ((b & 0x80) != 0) continue;
    from = from.subspan(i + 1);
    return n;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> lzma2_dictionary(std::uint8_t code) noexcept {
  if (code > 40) return std::nullopt;
  if (code == 40) return 0xFFFFFFFF;
  return std::uint64_t{2u | (code & 1u)} << (code / 2 + 11);
}

std::optional<xz_block> xz_block_of(std::span<const std::byte> header) noexcept {
  if (header.size() < 2) return std::nullopt;
  const unsigned flags = byte_at(header, 1);
  header = header.subspan(2);
  if ((flags & 0x40) != 0 && !take_number(header)) return std::nullopt;
  if ((flags & 0x80) != 0 && !take_number(header)) return std::nullopt;
  xz_block block{0, false};
  for (unsigned i = 0; i <= (flags & 3); ++i) {
    const auto id = take_number(header);
    if (!id) return std::nullopt;
    const auto size = take_number(header);
    if (!size || *size > header.size()) return std::nullopt;
    block.is_lzma2 = *id == lzma2_filter && *size == 1;
    if (block.is_lzma2) {
      const auto dictionary = lzma2_dictionary(byte_at(header, 0));
      if (!dictionary) return std::nullopt;
      block.dictionary = std::max(block.dictionary, *dictionary);
    }
    header = header.subspan(static_cast<std::size_t>(*size));
  }
  return block;
}

result<void> xz_watch::look(std::uint64_t end) {
  while (at_ < end && at_ < in_.size() && in_place_ != place::lost) {
    BOOST_OUTCOME_TRY(step());
  }
  return success();
}

result<void> xz_watch::step() {
  std::array<std::byte, most_header> room;
  const std::size_t wanted = in_place_ == place::block ? most_header : 32;
  BOOST_OUTCOME_TRY(const std::size_t count, in_.copy(at_, std::span(room).first(wanted)));
  const auto head = std::span<const std::byte>(room).first(count);
  if (head.empty()) {
    in_place_ = place::lost;
    return success();
  }
  switch (in_place_) {
    case place::stream: begin_stream(head); break;
    case place::block: begin_block(head); break;
    case place::chunk: pass_chunk(head); break;
    case place::index: begin_index(head); break;
    case place::records: pass_record(head); break;
    case place::padding: pass_padding(head); break;
    case place::lost: break;
  }
  return success();
}

void xz_watch::begin_stream(std::span<const std::byte> head) noexcept {
  if (head.size() < stream_header || !begins_with(head, stream_magic)) {
    in_place_ = place::lost;
    return;
  }
  static constexpr std::array<std::uint8_t, 16> sizes = {0,  4,  4,  4,  8,  8,  8,  16,
                                                         16, 16, 32, 32, 32, 64, 64, 64};
  check_size_ = sizes[byte_at(head, 7) & 0x0F];
  at_ += stream_header;
  in_place_ = place::block;
}

void xz_watch::begin_block(std::span<const std::byte> head) noexcept {
  began_ = at_;
  const std::size_t size = (byte_at(head, 0) + 1u) * 4;
  if (size == 4) {
    in_place_ = place::index;
    return;
  }
  // What has lost its end is not begun with by the decoder.
  const auto block = xz_block_of(head.first(std::min(size, head.size())));
  if (block) declare(block->dictionary);
  in_place_ = block && block->is_lzma2 ? place::chunk : place::lost;
  at_ += size;
}

void xz_watch::pass_chunk(std::span<const std::byte> head) noexcept {
  const unsigned control = byte_at(head, 0);
  if (control == 0) {
    at_ = began_ + padded(at_ + 1 - began_) + check_size_;
    in_place_ = place::block;
  } else if (control <= 2 && head.size() >= 3) {
    at_ += 3 + (byte_at(head, 1) << 8 | byte_at(head, 2)) + 1u;
  } else if (control >= 0x80 && head.size() >= 5) {
    const unsigned properties = control >= 0xC0 ? 1 : 0;
    at_ += 5 + properties + (byte_at(head, 3) << 8 | byte_at(head, 4)) + 1u;
  } else {
    in_place_ = place::lost;
  }
}

void xz_watch::begin_index(std::span<const std::byte> head) noexcept {
  auto rest = head.subspan(1);
  const auto count = take_number(rest);
  in_place_ = count ? place::records : place::lost;
  records_ = count.value_or(0);
  at_ += head.size() - rest.size();
  if (records_ == 0 && count) {
    at_ = began_ + padded(at_ - began_) + index_end;
    in_place_ = place::padding;
  }
}

void xz_watch::pass_record(std::span<const std::byte> head) noexcept {
  auto rest = head;
  if (!take_number(rest) || !take_number(rest)) {
    in_place_ = place::lost;
    return;
  }
  at_ += head.size() - rest.size();
  if (--records_ > 0) return;
  at_ = began_ + padded(at_ - began_) + index_end;
  in_place_ = place::padding;
}

// Between streams there may be zeros. What is neither these nor a stream is no part of it.
void xz_watch::pass_padding(std::span<const std::byte> head) noexcept {
  if (begins_with(head, stream_magic)) {
    in_place_ = place::stream;
  } else if (head.size() >= 4 && long_at(head, 0) == 0) {
    at_ += 4;
  } else {
    ends_at_ = at_;
    in_place_ = place::lost;
  }
}

}  // namespace coramfs::detail
