// SPDX-License-Identifier: BSL-1.0
#include "core/path.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace coramfs::detail {

namespace {

// A backslash is a separator too, as in D-MemFS.
bool is_separator(char c) noexcept { return c == '/' || c == '\\'; }

// Takes the last component off `rest`, of whatever kind; empty when there is none left.
std::string_view take_last_component(std::string_view& rest) noexcept {
  std::size_t end = rest.size();
  while (end > 0 && is_separator(rest[end - 1])) --end;
  std::size_t begin = end;
  while (begin > 0 && !is_separator(rest[begin - 1])) --begin;
  const std::string_view component = rest.substr(begin, end - begin);
  rest = rest.substr(0, begin);
  return component;
}

// Eight characters at a time.
using word = std::uint64_t;
constexpr word ones = 0x0101010101010101, highs = ones * 0x80, lows = ones * 0x7f;

word load(const char* from) noexcept {
  word w;
  std::memcpy(&w, from, sizeof w);
  return w;
}

// The highest bit of each byte that is `c`.
word where(word text, char c) noexcept {
  const word difference = text ^ (ones * static_cast<unsigned char>(c));
  return ~(((difference & lows) + lows) | difference) & highs;
}

/// Looks for whatever keeps a text from being a normal path as it is: eight characters at a time,
/// each beside the one behind it.
class plain_check {
 public:
  void look_at(word here, word behind) noexcept {
    const word slashes = where(here, '/');
    odd_ |= where(here, '\0') | where(here, '\\');
    odd_ |= slashes & (where(behind, '/') | where(behind, '.'));
    since_slash_ = slashes != 0 ? 0 : since_slash_ + sizeof(word);
    // No name between two slashes is longer than this.
    if (since_slash_ >= max_name_size - sizeof(word)) odd_ |= 1;
  }
  bool has_found() const noexcept { return odd_ != 0; }

 private:
  word odd_ = 0;
  std::size_t since_slash_ = 0;
};

// Whether a text is a normal path as it is. False: it may be, or not; so it is for hidden names,
// and for the root.
bool is_plain(std::string_view text) noexcept {
  if (text.empty() || text.front() != '/' || text.size() > max_path_size) return false;
  plain_check check;
  std::size_t i = 0;
  for (; i + sizeof(word) < text.size(); i += sizeof(word))
    check.look_at(load(&text[i]), load(&text[i + 1]));
  // Behind the end a slash, so that another in front of it is seen, and what is of no effect.
  std::array<char, 2 * sizeof(word)> rest;
  rest.fill('x');
  std::memcpy(rest.data(), &text[i], text.size() - i);
  rest[text.size() - i] = '/';
  check.look_at(load(&rest[0]), load(&rest[1]));
  return !check.has_found();
}

}  // namespace

normal_path normal_path::parent() const noexcept {
  return normal_path(text_.substr(0, std::max<std::size_t>(text_.rfind('/'), 1)));
}

std::string_view normal_path::name() const noexcept { return text_.substr(text_.rfind('/') + 1); }

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
  if (!is_plain(text)) return resolve(text);
  return normal_path(text);
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

}  // namespace coramfs::detail
