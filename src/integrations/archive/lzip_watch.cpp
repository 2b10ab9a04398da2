// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/lzip_watch.hpp"

#include "integrations/archive/bytes_of.hpp"

#include <algorithm>
#include <string_view>

namespace coramfs::detail {

namespace {

constexpr std::string_view magic = "LZIP";
constexpr std::size_t header_size = 6;
constexpr unsigned least_log = 12, most_log = 29;

}  // namespace

std::optional<std::uint64_t> lzip_dictionary(std::span<const std::byte> header) noexcept {
  if (header.size() < header_size || !begins_with(header, magic)) return std::nullopt;
  const unsigned version = byte_at(header, 4), code = byte_at(header, 5), log = code & 0x1F;
  if (version > 1 || log < least_log || log > most_log) return std::nullopt;
  const std::uint64_t size = std::uint64_t{1} << log;
  return size - size / 16 * (code >> 5);
}

result<void> lzip_watch::look(std::uint64_t end) {
  while (at_ < end && at_ < in_.size()) {
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(end - at_, input_piece));
    room_.resize(count + header_size - 1);
    BOOST_OUTCOME_TRY(const std::size_t had, in_.copy(at_, room_));
    const auto all = std::span<const std::byte>(room_).first(had);
    const std::string_view text = text_of(all);
    for (std::size_t i = text.find(magic); i < count; i = text.find(magic, i + 1)) {
      if (const auto dictionary = lzip_dictionary(all.subspan(i))) declare(*dictionary);
    }
    at_ += count;
  }
  return success();
}

}  // namespace coramfs::detail
