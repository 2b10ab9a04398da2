// SPDX-License-Identifier: BSL-1.0
#include "tree/pattern.hpp"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

namespace coramfs::detail {

namespace {

// Takes one UTF-8 character off `text`, or one byte where that is no valid character. Bytes
// count from 0x110000 on, so that they equal no character.
std::uint32_t take_character(std::string_view& text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const std::size_t size = lead < 0x80   ? 1
                           : lead < 0xC2 ? 0
                           : lead < 0xE0 ? 2
                           : lead < 0xF0 ? 3
                           : lead < 0xF5 ? 4
                                         : 0;
  std::uint32_t c = size < 2 ? lead : lead & (0x7Fu >> size);
  bool valid = size != 0 && size <= text.size();
  for (std::size_t i = 1; valid && i < size; ++i) {
    valid = (byte(i) & 0xC0) == 0x80;
    c = (c << 6) | (byte(i) & 0x3Fu);
  }
  const bool overlong = (size == 3 && c < 0x800) || (size == 4 && c < 0x10000);
  valid = valid && !overlong && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
  text.remove_prefix(valid ? size : 1);
  return valid ? c : 0x110000u + lead;
}

// A class without its brackets, or nothing if `text`, behind a "[", has none.
std::optional<std::string_view> take_class(std::string_view& text) noexcept {
  const std::size_t first = text.starts_with('!') ? 1 : 0;
  const std::size_t end = text.find(']', first + 1);  // a "]" that comes first is a member
  if (end == text.npos) return std::nullopt;
  const std::string_view members = text.substr(0, end);
  text.remove_prefix(end + 1);
  return members;
}

bool is_member(std::string_view members, std::uint32_t c) noexcept {
  const bool negated = members.starts_with('!');
  if (negated) members.remove_prefix(1);
  bool found = false;
  while (!members.empty()) {
    const std::uint32_t low = take_character(members);
    std::uint32_t high = low;
    if (members.size() > 1 && members.front() == '-') {
      members.remove_prefix(1);
      high = take_character(members);
    }
    found = found || (low <= c && c <= high);
  }
  return found != negated;
}

// Takes one element that is no star off the pattern, and what it matches off the name.
bool take_match(std::string_view& pattern, std::string_view& name) noexcept {
  if (pattern.empty() || name.empty()) return false;
  std::string_view rest = pattern.substr(1);
  std::string_view behind = name;
  const std::uint32_t c = take_character(behind);
  bool matches = pattern.front() == '?';
  if (pattern.front() == '[') {
    if (const auto members = take_class(rest)) {
      matches = is_member(*members, c);
    } else {
      matches = c == '[';
    }
  } else if (!matches) {
    rest = pattern;
    matches = take_character(rest) == c;
  }
  if (!matches) return false;
  pattern = rest;
  name = behind;
  return true;
}

}  // namespace

// Only the last star is ever tried again: what an earlier one has matched can not help.
bool matches_name(std::string_view pattern, std::string_view name) noexcept {
  std::optional<std::pair<std::string_view, std::string_view>> behind_star;
  while (!name.empty() || !pattern.empty()) {
    if (pattern.starts_with('*')) {
      pattern.remove_prefix(1);
      behind_star = {pattern, name};
    } else if (!take_match(pattern, name)) {
      if (!behind_star || behind_star->second.empty()) return false;
      take_character(behind_star->second);
      std::tie(pattern, name) = *behind_star;
    }
  }
  return true;
}

pattern::pattern(std::string_view text) {
  constexpr std::string_view separators = "/\\";
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(separators), text.size()));
    if (text.empty()) return;
    const std::size_t end = std::min(text.find_first_of(separators), text.size());
    // Two "**" in a row match what one does.
    if (text.substr(0, end) != "**" || components_.empty() || components_.back() != "**")
      components_.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

pattern::places pattern::start() const {
  places at;
  if (!components_.empty()) add(at, 0);
  return at;
}

std::optional<std::string_view> pattern::only_name(const places& at) const noexcept {
  if (at.size() != 1 || components_[at[0]].find_first_of("*?[") != std::string_view::npos)
    return std::nullopt;
  return components_[at[0]];
}

pattern::step pattern::read(const places& from, std::string_view name) const {
  step s{{}, false};
  for (const std::size_t place : from) {
    const bool is_last = place + 1 == components_.size();
    if (is_any_depth(place)) {
      add(s.next, place);
      s.matches = s.matches || is_last;
    } else if (matches_name(components_[place], name)) {
      if (is_last) {
        s.matches = true;
      } else {
        add(s.next, place + 1);
      }
    }
  }
  return s;
}

// A "**" may also match no directory at all.
void pattern::add(places& to, std::size_t component) const {
  if (std::find(to.begin(), to.end(), component) != to.end()) return;
  to.push_back(component);
  if (is_any_depth(component) && component + 1 < components_.size()) add(to, component + 1);
}

}  // namespace coramfs::detail
