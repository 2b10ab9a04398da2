// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/lz4_watch.hpp"

#include "integrations/archive/bytes_of.hpp"

#include <array>

namespace coramfs::detail {

namespace {

constexpr std::uint32_t lz4_magic = 0x184D2204;
constexpr unsigned has_block_checksum = 0x10, has_size = 0x08, has_checksum = 0x04, has_id = 0x01;

}  // namespace

result<void> lz4_watch::look(std::uint64_t end) {
  std::array<std::byte, 8> room;
  while (!is_lost_ && at_ < end && at_ < in_.size()) {
    BOOST_OUTCOME_TRY(const std::size_t count, in_.copy(at_, room));
    pass(std::span<const std::byte>(room).first(count));
  }
  return success();
}

void lz4_watch::pass(std::span<const std::byte> head) noexcept {
  if (head.size() < 4) {
    is_lost_ = true;
  } else if (is_in_frame_) {
    const std::uint32_t size = long_at(head, 0);
    at_ += 4;
    if (size == 0) {
      is_in_frame_ = false;
      at_ += (flags_ & has_checksum) != 0 ? 4 : 0;
    } else {
      at_ += std::uint64_t{size & 0x7FFFFFFFu} + ((flags_ & has_block_checksum) != 0 ? 4 : 0);
    }
  } else if (long_at(head, 0) == lz4_magic && head.size() >= 6) {
    flags_ = byte_at(head, 4);
    // 64 KiB, 256 KiB, 1 MiB or 4 MiB: as it comes, as it is decoded, and what goes before.
    const unsigned code = byte_at(head, 5) >> 4 & 7;
    declare((std::uint64_t{2} << (8 + 2 * code)) + 128 * 1024);
    is_in_frame_ = true;
    at_ += 7 + ((flags_ & has_size) != 0 ? 8u : 0u) + ((flags_ & has_id) != 0 ? 4u : 0u);
  } else if (head.size() >= 8 && (long_at(head, 0) & 0xFFFFFFF0) == skippable_frame) {
    at_ += 8 + std::uint64_t{long_at(head, 4)};
  } else {
    is_lost_ = true;
    ends_at_ = at_;
  }
}

}  // namespace coramfs::detail
