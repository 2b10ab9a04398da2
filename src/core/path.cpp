// SPDX-License-Identifier: BSL-1.0
#include "core/path.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace coramfs::detail {

namespace {

// Takes the last component off `rest`, of whatever kind; it is empty when there is none left.
std::string_view take_last_component(std::string_view& rest) noexcept {
  std::size_t end = rest.size();
  while (end > 0 && is_separator(rest[end - 1])) --end;
  std::size_t begin = end;
  while (begin > 0 && !is_separator(rest[begin - 1])) --begin;
  const std::string_view component = rest.substr(begin, end - begin);
  rest = rest.substr(0, begin);
  return component;
}

// Eight characters, which are looked at together.
using word = std::uint64_t;
constexpr word ones = 0x0101010101010101, highs = ones * 0x80;

word load(const char* from) noexcept {
  word w;
  std::memcpy(&w, from, sizeof w);
  return w;
}

// Sets the highest bit of each byte that is `c`, and perhaps that of a byte beside one which is `c
// ^ 1`. The other bits mean nothing.
word where(word text, char c) noexcept {
  const word difference = text ^ (ones * static_cast<unsigned char>(c));
  return (difference - ones) & ~difference;
}

constexpr bool is_little_endian = std::endian::native == std::endian::little;

// Returns the index of the last byte that `where` has found.
std::size_t last_of(word found) noexcept {
  const int bit = 63 - (is_little_endian ? std::countl_zero(found) : std::countr_zero(found));
  return static_cast<std::size_t>(bit) / 8;
}

// Stands where a text has no characters. It has no effect, as it is nothing that is looked for.
constexpr char filler = 'x';

// Returns the last eight characters, or all of a shorter text and fillers behind it.
word last_word(std::string_view text) noexcept {
  if (text.size() >= sizeof(word)) return load(&text[text.size() - sizeof(word)]);
  std::array<char, sizeof(word)> all;
  all.fill(filler);
  std::copy(text.begin(), text.end(), all.begin());
  return load(all.data());
}

// Returns the character behind each one of the last word.
word behind(word last) noexcept {
  return is_little_endian ? last >> 8 | word{filler} << 56 : last << 8 | word{filler};
}

/// Looks for whatever keeps a text from being a normal path as it is: eight characters at a time,
/// each beside the one behind it. Where it is in doubt it finds something.
class plain_check {
 public:
  void look_at(std::size_t begin, word here, word behind) noexcept {
    const word slashes = where(here, '/');
    // A dot and a slash differ in the lowest bit alone.
    odd_ |= where(here, '\0') | where(here, '\\') | (slashes & where(behind | ones, '/'));
    if ((slashes & highs) != 0) last_slash_ = begin + last_of(slashes & highs);
    // Whatever comes in the next word, no name that ends there is too long.
    if (begin + sizeof(word) - last_slash_ > max_name_size - sizeof(word)) odd_ = highs;
  }
  bool has_found() const noexcept { return (odd_ & highs) != 0; }
  std::size_t last_slash() const noexcept { return last_slash_; }

 private:
  word odd_ = 0;
  std::size_t last_slash_ = 0;
};

#if defined(__SSE2__)
/// Three sets of positions in a text, one bit for each of its characters: the slashes, the dots,
/// and what no normal path has.
class character_bits {
 public:
  static constexpr std::size_t most = 64, fewest = 8;  // characters

  // Sixteen characters at a time, of which the last sixteen overlap those in front of them. A text
  // with fewer is taken as its first eight and its last eight, which may overlap as well.
  explicit character_bits(std::string_view text) noexcept {
    const std::size_t n = text.size();
    if (n < sizeof(__m128i)) {
      const auto eight = [&](std::size_t from) {
        constexpr std::uint64_t filled = ones * filler;
        constexpr auto fillers = static_cast<long long>(filled);
        return _mm_set_epi64x(fillers, static_cast<long long>(load(&text[from])));
      };
      add(0, eight(0));
      add(n - sizeof(word), eight(n - sizeof(word)));
    } else {
      const auto at = [&](std::size_t i) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(&text[i]));
      };
      for (std::size_t i = 0; i + sizeof(__m128i) < n; i += sizeof(__m128i)) add(i, at(i));
      add(n - sizeof(__m128i), at(n - sizeof(__m128i)));
    }
    const std::uint64_t there = ~std::uint64_t{0} >> (most - n);
    odd_ = (odd_ | (slashes_ & (slashes_ | dots_) >> 1)) & there;
  }
  bool has_odd() const noexcept { return odd_ != 0; }
  // Precondition: there is one.
  std::size_t last_slash() const noexcept {
    return most - 1 - static_cast<std::size_t>(std::countl_zero(slashes_));
  }

 private:
  void add(std::size_t at, __m128i text) noexcept {
    const auto where = [&](char c) { return _mm_cmpeq_epi8(text, _mm_set1_epi8(c)); };
    const auto bits = [&](__m128i found) {
      return std::uint64_t{static_cast<unsigned>(_mm_movemask_epi8(found))} << at;
    };
    slashes_ |= bits(where('/'));
    dots_ |= bits(where('.'));
    odd_ |= bits(_mm_or_si128(where('\\'), where('\0')));
  }

  std::uint64_t slashes_ = 0, dots_ = 0, odd_ = 0;
};
#endif

}  // namespace

normal_path::normal_path(std::string_view text) noexcept : normal_path(text, text.rfind('/')) {}

normal_path normal_path::parent() const noexcept {
  return normal_path(text_.substr(0, std::max<std::size_t>(last_slash_, 1)));
}

bool normal_path::is_below(normal_path above) const noexcept {
  if (is_root()) return false;
  return above.is_root() ||
         (text_.starts_with(above.text_) && text_.substr(above.text_.size()).starts_with('/'));
}

std::string_view normal_path::take_name(std::string_view& text) noexcept {
  if (!text.empty()) text.remove_prefix(1);
  const std::size_t end = std::min(text.find('/'), text.size());
  const std::string_view name = text.substr(0, end);
  text.remove_prefix(end);
  return name;
}

result<normal_path> path_buffer::normalise(std::string_view text) noexcept {
  const auto plain = normal_path::if_plain(text);
  return plain ? *plain : resolve(text);
}

std::optional<normal_path> normal_path::if_plain(std::string_view text) noexcept {
  if (text.empty() || text.front() != '/' || text.size() > max_path_size) return std::nullopt;
  if (text.back() == '/') return std::nullopt;
#if defined(__SSE2__)
  static_assert(character_bits::most <= max_name_size);
  if (text.size() >= character_bits::fewest && text.size() <= character_bits::most) {
    const character_bits bits(text);
    return bits.has_odd() ? std::nullopt : std::optional(normal_path(text, bits.last_slash()));
  }
#endif
  plain_check check;
  for (std::size_t i = 0; i + sizeof(word) < text.size(); i += sizeof(word))
    check.look_at(i, load(&text[i]), load(&text[i + 1]));
  const word last = last_word(text);
  check.look_at(text.size() - std::min(text.size(), sizeof(word)), last, behind(last));
  if (check.has_found()) return std::nullopt;
  return normal_path(text, check.last_slash());
}

// Goes from the end to the start, so that a ".." is seen before the name that it takes away:
// only names that stay are stored, and only they count for the limits.
result<normal_path> path_buffer::resolve(std::string_view text) noexcept {
  if (text.find('\0') != text.npos) return errc::invalid_path;
  std::size_t begin = max_path_size;
  std::size_t to_drop = 0;
  bool too_long = false;
  for (auto c = take_last_component(text); !c.empty(); c = take_last_component(text)) {
    if (c == ".") continue;
    if (c == "..") {
      ++to_drop;
    } else if (to_drop > 0) {
      --to_drop;
    } else if (c.size() > max_name_size || c.size() + 1 > begin) {
      too_long = true;
    } else {
      begin -= c.size();
      std::memcpy(text_.data() + begin, c.data(), c.size());
      text_[--begin] = '/';
    }
  }
  if (to_drop > 0) return errc::invalid_path;
  if (too_long) return errc::name_too_long;
  if (begin == max_path_size) text_[--begin] = '/';
  return normal_path(std::string_view(text_.data() + begin, max_path_size - begin));
}

result<std::string> normal_text(std::string_view path) {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path));
  return std::string(normal.text());
}

}  // namespace coramfs::detail
