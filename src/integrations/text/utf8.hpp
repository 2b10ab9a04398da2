// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

namespace coramfs::detail {

inline constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

/// Stands for a malformed sequence: U+FFFD.
inline constexpr std::string_view replacement_character = "\xef\xbf\xbd";

struct utf8_run {
  std::size_t bytes = 0;
  std::size_t characters = 0;
};

/// Returns the longest start of `text` that is well formed and has at most `limit` characters.
utf8_run well_formed(std::string_view text, std::size_t limit = no_limit) noexcept;

/// Returns how many bytes at the start of `text` one replacement stands for: those that could have
/// become a character, or else one byte, as Unicode recommends. Precondition: `text` is not empty,
/// and does not start with a character.
std::size_t malformed_size(std::string_view text) noexcept;

/// Returns whether `text` is the start of a character that goes on behind it.
bool is_cut_off(std::string_view text) noexcept;

/// Precondition: `c` is no surrogate, and not above U+10FFFF.
void append_utf8(char32_t c, std::string& to);

}  // namespace coramfs::detail
