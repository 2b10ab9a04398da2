// SPDX-License-Identifier: BSL-1.0
#include "integrations/text/utf8.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace coramfs::detail {

namespace {

/// What a lead byte asks of the bytes behind it.
struct lead {
  std::size_t size;               // of the whole character; 0: no character starts with this
  unsigned char lowest, highest;  // of the second byte; the others are 80 to BF
};

lead classify(unsigned char c) noexcept {
  if (c < 0x80) return {1, 0, 0};
  if (c < 0xc2) return {0, 0, 0};
  if (c < 0xe0) return {2, 0x80, 0xbf};
  if (c == 0xe0) return {3, 0xa0, 0xbf};
  if (c == 0xed) return {3, 0x80, 0x9f};  // no surrogates
  if (c < 0xf0) return {3, 0x80, 0xbf};
  if (c == 0xf0) return {4, 0x90, 0xbf};
  if (c < 0xf4) return {4, 0x80, 0xbf};
  if (c == 0xf4) return {4, 0x80, 0x8f};  // not above U+10FFFF
  return {0, 0, 0};
}

bool is_between(char c, unsigned char lowest, unsigned char highest) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= lowest && byte <= highest;
}

// Returns how many bytes at the start are as the lead byte asks.
std::size_t matching(std::string_view text, const lead& l) noexcept {
  if (l.size < 2 || text.size() < 2 || !is_between(text[1], l.lowest, l.highest)) return 1;
  std::size_t n = 2;
  while (n < l.size && n < text.size() && is_between(text[n], 0x80, 0xbf)) ++n;
  return n;
}

// Returns whether the text begins with eight ASCII characters, which are looked at at once.
bool starts_with_ascii_word(std::string_view text) noexcept {
  std::uint64_t word = 0;
  if (text.size() < sizeof(word)) return false;
  std::memcpy(&word, text.data(), sizeof(word));
  return (word & 0x8080808080808080) == 0;
}

}  // namespace

utf8_run well_formed(std::string_view text, std::size_t limit) noexcept {
  utf8_run run;
  while (run.characters < limit && run.bytes < text.size()) {
    const std::string_view rest = text.substr(run.bytes);
    if (limit - run.characters >= 8 && starts_with_ascii_word(rest)) {
      run.bytes += 8;
      run.characters += 8;
      continue;
    }
    const lead l = classify(static_cast<unsigned char>(rest[0]));
    if (l.size == 0 || matching(rest, l) != l.size) break;
    run.bytes += l.size;
    ++run.characters;
  }
  return run;
}

std::size_t malformed_size(std::string_view text) noexcept {
  return matching(text, classify(static_cast<unsigned char>(text[0])));
}

bool is_cut_off(std::string_view text) noexcept {
  const lead l = classify(static_cast<unsigned char>(text[0]));
  return text.size() < l.size && matching(text, l) == text.size();
}

void append_utf8(char32_t c, std::string& to) {
  const auto tail = [c](int shift) { return static_cast<char>(0x80 | ((c >> shift) & 0x3f)); };
  if (c < 0x80) {
    to += static_cast<char>(c);
  } else if (c < 0x800) {
    to += {static_cast<char>(0xc0 | (c >> 6)), tail(0)};
  } else if (c < 0x10000) {
    to += {static_cast<char>(0xe0 | (c >> 12)), tail(6), tail(0)};
  } else {
    to += {static_cast<char>(0xf0 | (c >> 18)), tail(12), tail(6), tail(0)};
  }
}

}  // namespace coramfs::detail
