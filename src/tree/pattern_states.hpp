// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace coramfs::detail {

/// Takes one UTF-8 character off `text`, or one byte where that is no valid character. Bytes
/// count from 0x110000 on, so that they equal no character. Precondition: `text` is not empty.
std::uint32_t take_character(std::string_view& text) noexcept;

/// The text of a glob pattern as the states of a machine, after Thompson, "Regular Expression
/// Search Algorithm", CACM 1968: at most two and a bit for each byte of it, however its braces
/// are nested, made in time of the size of the text.
///
/// Invariant: all ways lead forwards, so states are gone through in the order of their numbers
/// once, and nothing has to be looked at again. It does not change once it is made.
struct pattern_states {
  using number = std::uint16_t;
  static constexpr std::size_t max_text_size = 4096;  // bytes

  enum class kind : unsigned char {
    character,      ///< the character `value`
    any_character,  ///< any one character
    in_class,       ///< a character in one of the ranges
    not_in_class,   ///< a character in none of the ranges
    star,           ///< any run of characters
    double_star,    ///< a star, or, as a whole component, the `any_depth` that is the next state
    any_depth,      ///< any number of names
    separator,      ///< the end of a name
    jump,           ///< goes on at `next`
    branch,         ///< goes on at `next`, and at `other` if that is not 0
    end             ///< the end of the pattern
  };

  struct state {
    kind what;
    number next, other = 0;
    number position;          // in the text
    std::uint32_t value = 0;  // the character, or the first of the ranges
    number ranges = 0;        // how many ranges
  };
  struct range {
    std::uint32_t first, last;
  };

  /// Throws `std::bad_alloc`. Precondition: `text` is no longer than `max_text_size`.
  explicit pattern_states(std::string_view text);

  const state& operator[](std::size_t i) const noexcept { return all[i]; }
  /// Whether a state of either kind of class takes the character.
  bool has_class(const state& of, std::uint32_t c) const noexcept;

  std::vector<state> all;
  std::vector<range> ranges;
};

}  // namespace coramfs::detail
