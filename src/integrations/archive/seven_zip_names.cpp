// SPDX-License-Identifier: BSL-1.0
#include "integrations/archive/seven_zip_names.hpp"

#include "integrations/archive/bytes_of.hpp"

#include <cstdint>

namespace coramfs::detail {

namespace {

void put_utf8(std::string& to, std::uint32_t c) {
  const auto tail = [&](unsigned shift) { to += static_cast<char>(0x80 | (c >> shift & 0x3F)); };
  if (c < 0x80) {
    to += static_cast<char>(c);
  } else if (c < 0x800) {
    to += static_cast<char>(0xC0 | c >> 6);
    tail(0);
  } else if (c < 0x10000) {
    to += static_cast<char>(0xE0 | c >> 12);
    tail(6);
    tail(0);
  } else {
    to += static_cast<char>(0xF0 | c >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace

std::string seven_zip_names::next() {
  std::string name;
  while (names_.size() - at_ >= 2) {
    std::uint32_t c = word_at(names_, at_);
    at_ += 2;
    if (c == 0) break;
    if (c >= 0xD800 && c < 0xDC00 && names_.size() - at_ >= 2) {
      const std::uint32_t low = word_at(names_, at_);
      if (low >= 0xDC00 && low < 0xE000) {
        c = 0x10000 + ((c - 0xD800) << 10 | (low - 0xDC00));
        at_ += 2;
      }
    }
    put_utf8(name, c);
  }
  return name;
}

}  // namespace coramfs::detail
