// SPDX-License-Identifier: BSL-1.0
//
// Mostly gives archives that were changed the checksums that their headers then have: otherwise few
// changes would get behind those.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include <zlib.h>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

constexpr std::size_t choices = 4, block = 512;

void sum_tar(std::uint8_t* header) {
  std::memset(header + 148, ' ', 8);
  unsigned sum = 0;
  for (std::size_t i = 0; i < block; ++i) sum += header[i];
  char digits[8];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  std::memcpy(header + 148, digits, 7);
}

void put_sum(std::uint8_t* at, const std::uint8_t* of, std::size_t size) {
  const auto sum = static_cast<std::uint32_t>(::crc32(0, of, static_cast<unsigned>(size)));
  for (int i = 0; i < 4; ++i) at[i] = static_cast<std::uint8_t>(sum >> (8 * i));
}

std::uint64_t number(const std::uint8_t* from) {
  std::uint64_t n = 0;
  for (int i = 8; i-- > 0;) n = n << 8 | from[i];
  return n;
}

void sum_seven_zip(std::uint8_t* archive, std::size_t size) {
  constexpr std::size_t start = 32;
  const std::uint64_t at = number(archive + 12), count = number(archive + 20);
  if (at <= size - start && count <= size - start - at)
    put_sum(archive + 28, archive + start + at, static_cast<std::size_t>(count));
  put_sum(archive + 8, archive + 12, 20);
}

// Of each block that a stream has there, as far as they say so.
void sum_xz(std::uint8_t* archive, std::size_t size) {
  put_sum(archive + 8, archive + 6, 2);
  const std::size_t header = (archive[12] + std::size_t{1}) * 4;
  if (archive[12] != 0 && 12 + header <= size)
    put_sum(archive + 12 + header - 4, archive + 12, header - 4);
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, most);
  if (seed % 8 == 0 || size < choices + 32) return size;
  std::uint8_t* const archive = data + choices;
  size -= choices;
  if (std::memcmp(archive, "7z\xBC\xAF\x27\x1C", 6) == 0) {
    sum_seven_zip(archive, size);
  } else if (std::memcmp(archive,
                         "\xFD"
                         "7zXZ",
                         6) == 0) {
    sum_xz(archive, size);
  } else {
    for (std::size_t at = 0; at + block <= size; at += block)
      if (std::memcmp(archive + at + 257, "ustar", 5) == 0) sum_tar(archive + at);
  }
  return size + choices;
}
