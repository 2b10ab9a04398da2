// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/crc32.hpp"

#include "integrations/archive/bytes_of.hpp"

#include <array>

namespace coramfs::detail {

namespace {

// Eight bytes at a time, as each table is for a byte that stands one further from the end.
using tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr tables make_tables() noexcept {
  tables all{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = c >> 1 ^ ((c & 1) != 0 ? 0xEDB88320u : 0);
    all[0][i] = c;
  }
  for (std::size_t t = 1; t < all.size(); ++t) {
    for (std::size_t i = 0; i < 256; ++i)
      all[t][i] = all[t - 1][i] >> 8 ^ all[0][all[t - 1][i] & 0xFF];
  }
  return all;
}

constexpr tables of_byte = make_tables();

}  // namespace

std::uint32_t crc32(std::uint32_t before, std::span<const std::byte> more) noexcept {
  std::uint32_t c = ~before;
  while (more.size() >= 8) {
    const std::uint32_t low = c ^ long_at(more, 0), high = long_at(more, 4);
    c = of_byte[7][low & 0xFF] ^ of_byte[6][low >> 8 & 0xFF] ^ of_byte[5][low >> 16 & 0xFF] ^
        of_byte[4][low >> 24] ^ of_byte[3][high & 0xFF] ^ of_byte[2][high >> 8 & 0xFF] ^
        of_byte[1][high >> 16 & 0xFF] ^ of_byte[0][high >> 24];
    more = more.subspan(8);
  }
  for (const std::byte b : more)
    c = c >> 8 ^ of_byte[0][(c ^ std::to_integer<std::uint8_t>(b)) & 0xFF];
  return ~c;
}

}  // namespace coramfs::detail
