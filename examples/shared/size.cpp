// SPDX-License-Identifier: BSL-1.0
#include "shared/size.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <limits>
#include <system_error>

namespace shared {

namespace {

constexpr std::string_view units = "kmgtpe";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool take(std::string_view& text, char lower) {
  if (text.empty() || (text.front() | 0x20) != lower) return false;
  text.remove_prefix(1);
  return true;
}

// By how many bits what stands before the unit is to be shifted. Nothing if it is no unit.
std::optional<unsigned> parse_unit(std::string_view text) {
  if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  unsigned bits = 0;
  for (unsigned i = 0; i < units.size() && bits == 0; ++i)
    if (take(text, units[i])) bits = 10 * (i + 1);
  if (bits != 0 && take(text, 'i') && text.empty()) return std::nullopt;  // "1Mi" is half a word
  take(text, 'b');
  if (!text.empty()) return std::nullopt;
  return bits;
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t whole = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));

  long double fraction = 0, place = 1;
  const bool has_fraction = text.size() > 1 && text[0] == '.' && is_digit(text[1]);
  if (has_fraction) {
    for (text.remove_prefix(1); !text.empty() && is_digit(text.front()); text.remove_prefix(1))
      fraction += static_cast<long double>(text.front() - '0') * (place /= 10);
  }
  const auto bits = parse_unit(text);
  if (!bits || (has_fraction && *bits == 0)) return std::nullopt;
  if (whole > std::numeric_limits<std::uint64_t>::max() >> *bits) return std::nullopt;
  // Many nines are rounded up to a whole unit, which they are not.
  const std::uint64_t unit = std::uint64_t{1} << *bits;
  const auto part = static_cast<std::uint64_t>(fraction * static_cast<long double>(unit));
  return (whole << *bits) + std::min(part, unit - 1);
}

}  // namespace shared
