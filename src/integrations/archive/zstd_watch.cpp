// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/zstd_watch.hpp"

#include "integrations/archive/bytes_of.hpp"

#include <array>

namespace coramfs::detail {

namespace {

constexpr std::uint32_t zstd_magic = 0xFD2FB528;
constexpr std::size_t largest_frame_header = 18;

}  // namespace

std::optional<zstd_frame> zstd_frame_of(std::span<const std::byte> header) noexcept {
  if (header.size() < 6 || long_at(header, 0) != zstd_magic) return std::nullopt;
  static constexpr std::array<std::uint8_t, 4> id_sizes = {0, 1, 2, 4};
  const unsigned flags = byte_at(header, 4);
  const bool is_single = (flags & 0x20) != 0;
  const unsigned size_code = flags >> 6;
  const std::size_t number_size =
      size_code == 0 ? (is_single ? 1 : 0) : std::size_t{1} << size_code;
  zstd_frame frame{0, 5, (flags & 4) != 0};
  if (!is_single) {
    const unsigned code = byte_at(header, frame.size++);
    const std::uint64_t base = std::uint64_t{1} << (10 + (code >> 3));
    frame.window = base + base / 8 * (code & 7);
  }
  frame.size += id_sizes[flags & 3];
  if (header.size() < frame.size + number_size) return std::nullopt;
  // The whole content is the window, in one segment.
  if (is_single)
    frame.window = number_at(header, frame.size, number_size) + (number_size == 2 ? 256 : 0);
  frame.size += number_size;
  return frame;
}

result<void> zstd_watch::look(std::uint64_t end) {
  std::array<std::byte, largest_frame_header> room;
  while (!is_lost_ && at_ < end && at_ < in_.size()) {
    BOOST_OUTCOME_TRY(const std::size_t count, in_.copy(at_, room));
    pass(std::span<const std::byte>(room).first(count));
  }
  return success();
}

void zstd_watch::pass(std::span<const std::byte> head) noexcept {
  if (is_in_frame_) {
    const auto block = head.size() < 3 ? 7 : static_cast<std::uint32_t>(number_at(head, 0, 3));
    const std::uint32_t kind = block >> 1 & 3;
    is_lost_ = kind == 3;
    at_ += 3 + (kind == 1 ? 1 : block >> 3);
    if ((block & 1) == 0) return;
    is_in_frame_ = false;
    at_ += has_checksum_ ? 4 : 0;
  } else if (const auto frame = zstd_frame_of(head)) {
    declare(frame->window);
    has_checksum_ = frame->has_checksum;
    is_in_frame_ = true;
    at_ += frame->size;
  } else if (head.size() >= 8 && (long_at(head, 0) & 0xFFFFFFF0) == skippable_frame) {
    at_ += 8 + std::uint64_t{long_at(head, 4)};
  } else {
    // Something else follows, or what has lost its end, and is begun with by nobody.
    is_lost_ = true;
    const bool is_cut = head.size() >= 4 && long_at(head, 0) == zstd_magic;
    if (!is_cut) ends_at_ = at_;
  }
}

}  // namespace coramfs::detail
