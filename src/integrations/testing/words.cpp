// SPDX-License-Identifier: BSL-1.0
#include "integrations/testing/words.hpp"

#include <algorithm>

namespace coramfs::detail {

namespace {

constexpr std::string_view digits = "0123456789abcdef";

void append_byte(std::string& to, char c) {
  const auto byte = static_cast<unsigned char>(c);
  to += digits[byte / 16U];
  to += digits[byte % 16U];
}

std::string padded(std::int64_t n, std::size_t width) {
  const std::string plain = std::to_string(n);
  return std::string(width > plain.size() ? width - plain.size() : 0, '0') + plain;
}

/// The letter behind the backslash, or 0.
char letter_of(char c) noexcept {
  switch (c) {
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    case '"':
    case '\\': return c;
    default: return '\0';
  }
}

// C1 controls are characters of two bytes, and as little to be printed as those of one.
bool is_control(std::string_view character) noexcept {
  const auto first = static_cast<unsigned char>(character[0]);
  return first < 0x20 || first == 0x7f ||
         (first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0);
}

}  // namespace

std::string counted(std::uint64_t n, std::string_view one, std::string_view many) {
  return std::to_string(n).append(" ").append(n == 1 ? one : many);
}

std::size_t utf8_length(std::string_view text) noexcept {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return 1;
  const std::size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0U) != 0x80) return 0;
  // What could have been shorter, surrogates, and what is beyond the last character.
  const unsigned second = byte(1);
  if ((byte(0) == 0xe0 && second < 0xa0) || (byte(0) == 0xed && second >= 0xa0) ||
      (byte(0) == 0xf0 && second < 0x90) || (byte(0) == 0xf4 && second >= 0x90))
    return 0;
  return length;
}

std::string in_quotes(std::string_view text) {
  std::string all = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (const char letter = letter_of(text[0])) {
      all += '\\';
      all += letter;
    } else if (length == 0 || is_control(text.substr(0, length))) {
      for (const char c : text.substr(0, std::max<std::size_t>(length, 1))) {
        all += "\\x";
        append_byte(all, c);
      }
    } else {
      all += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return all += '"';
}

bool is_text(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const std::size_t length = utf8_length(bytes);
    if (length == 0) return false;
    if (is_control(bytes.substr(0, length)) && letter_of(bytes[0]) == '\0') return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::string in_hexadecimal(std::string_view bytes) {
  std::string all;
  for (const char c : bytes) {
    if (!all.empty()) all += ' ';
    append_byte(all, c);
  }
  return all;
}

std::string readable(std::string_view bytes) {
  return is_text(bytes) ? in_quotes(bytes) : in_hexadecimal(bytes);
}

std::string utc(std::chrono::system_clock::time_point t) {
  using namespace std::chrono;
  const auto day = floor<days>(t);
  const year_month_day date(day);
  const hh_mm_ss time(duration_cast<nanoseconds>(t - day));
  return padded(static_cast<int>(date.year()), 4) + '-' +
         padded(static_cast<unsigned>(date.month()), 2) + '-' +
         padded(static_cast<unsigned>(date.day()), 2) + 'T' + padded(time.hours().count(), 2) +
         ':' + padded(time.minutes().count(), 2) + ':' + padded(time.seconds().count(), 2) + '.' +
         padded(time.subseconds().count(), 9) + 'Z';
}

std::string seconds(std::chrono::steady_clock::duration d) {
  const auto all = std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
  return std::to_string(all / 1000) + '.' + padded(all % 1000, 3) + " s";
}

}  // namespace coramfs::detail
