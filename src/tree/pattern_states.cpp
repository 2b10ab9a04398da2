// SPDX-License-Identifier: BSL-1.0
#include "tree/pattern_states.hpp"

#include "core/path.hpp"

#include <algorithm>
#include <utility>

namespace coramfs::detail {

namespace {

using kind = pattern_states::kind;
using number = pattern_states::number;

/// A part of a pattern's text, before it is known which braces belong together.
struct token {
  enum class sort : unsigned char {
    plain,
    any,
    members,
    star,
    double_star,
    separator,
    open,
    comma,
    close
  };
  sort what;
  bool is_closed = false;  // whether an opening brace has its closing one
  number begin, size;
};

/// Cuts a pattern's text, from its start to its end, never looking back.
class tokens {
 public:
  explicit tokens(std::string_view text) : text_(text) {
    all_.reserve(text.size());
    std::vector<std::size_t> open;
    for (std::size_t at = 0; at < text.size(); at += all_.back().size) {
      all_.push_back(next(at));
      if (all_.back().what == token::sort::open) open.push_back(all_.size() - 1);
      if (all_.back().what == token::sort::close && !open.empty()) {
        all_[open.back()].is_closed = true;
        open.pop_back();
      }
    }
  }

  auto begin() const noexcept { return all_.begin(); }
  auto end() const noexcept { return all_.end(); }

 private:
  token next(std::size_t at) {
    const auto made = [at](token::sort what, std::size_t size) {
      return token{what, false, static_cast<number>(at), static_cast<number>(size)};
    };
    switch (text_[at]) {
      case '/':
      case '\\': return made(token::sort::separator, 1);
      case '?': return made(token::sort::any, 1);
      case '{': return made(token::sort::open, 1);
      case ',': return made(token::sort::comma, 1);
      case '}': return made(token::sort::close, 1);
      case '*': {
        const std::size_t stars = std::min(text_.find_first_not_of('*', at), text_.size()) - at;
        return made(stars == 2 ? token::sort::double_star : token::sort::star, stars);
      }
      case '[':
        if (const std::size_t size = class_size(at); size > 0)
          return made(token::sort::members, size);
        break;
      default: break;
    }
    std::string_view rest = text_.substr(at);
    take_character(rest);
    return made(token::sort::plain, text_.size() - at - rest.size());
  }

  // How many bytes the class has that begins at `at`, or 0 if the bracket is not closed in its
  // component. Then no other one is up to the end of the component, either.
  std::size_t class_size(std::size_t at) noexcept {
    if (at < unclosed_until_) return 0;
    const std::size_t first = at + 1 + (text_.substr(at + 1).starts_with('!') ? 1 : 0);
    std::size_t end = first;  // a "]" that comes first is a member
    const auto stops = [this](std::size_t i) {
      return i >= text_.size() || is_separator(text_[i]);
    };
    if (!stops(end)) ++end;
    while (!stops(end) && text_[end] != ']') ++end;
    if (!stops(end)) return end + 1 - at;
    unclosed_until_ = end;
    return 0;
  }

  std::string_view text_;
  std::size_t unclosed_until_ = 0;
  std::vector<token> all_;
};

/// Makes the states, token by token.
class maker {
 public:
  maker(pattern_states& to, std::string_view text) noexcept : to_(to), text_(text) {}

  void add(const token& t) {
    position_ = t.begin;
    switch (t.what) {
      case token::sort::any: return add(kind::any_character);
      case token::sort::members: return add_class(text_.substr(t.begin + 1, t.size - 2u));
      case token::sort::star: return add(kind::star);
      case token::sort::double_star:
        add(kind::double_star);
        ++to_.all.back().next;
        return add(kind::any_depth);
      case token::sort::separator: return add(kind::separator);
      case token::sort::open:
        if (!t.is_closed) break;
        add(kind::branch);
        groups_.push_back({last(), 0});
        return;
      case token::sort::comma:
        if (groups_.empty()) break;
        return add_alternative(groups_.back());
      case token::sort::close:
        if (groups_.empty()) break;
        return close_group();
      case token::sort::plain: break;
    }
    std::string_view text = text_.substr(t.begin, t.size);
    add(kind::character);
    to_.all.back().value = take_character(text);
  }

  void end() {
    position_ = static_cast<number>(text_.size());
    add(kind::end);
  }

 private:
  /// The alternatives between a pair of braces. The jumps at their ends are chained by their `next`
  /// until their target is known; 0 ends the chain, since state 0 can not be one of them.
  struct group {
    number branch;  // the last branch
    number jumps;   // the last jump
  };

  number last() const noexcept { return static_cast<number>(to_.all.size() - 1); }

  void add(kind what) {
    const auto behind = static_cast<number>(to_.all.size() + 1);
    to_.all.push_back({.what = what, .next = behind, .position = position_});
  }

  void add_alternative(group& g) {
    add(kind::jump);
    to_.all.back().next = std::exchange(g.jumps, last());
    add(kind::branch);
    to_.all[g.branch].other = last();
    g.branch = last();
  }

  void close_group() {
    const auto behind = static_cast<number>(to_.all.size());
    for (number j = groups_.back().jumps; j != 0;) j = std::exchange(to_.all[j].next, behind);
    groups_.pop_back();
  }

  void add_class(std::string_view members) {
    const bool negated = members.starts_with('!');
    if (negated) members.remove_prefix(1);
    add(negated ? kind::not_in_class : kind::in_class);
    const auto first = to_.ranges.size();
    while (!members.empty()) {
      const std::uint32_t low = take_character(members);
      std::uint32_t high = low;
      if (members.size() > 1 && members.front() == '-') {
        members.remove_prefix(1);
        high = take_character(members);
      }
      to_.ranges.push_back({low, high});
    }
    to_.all.back().value = static_cast<std::uint32_t>(first);
    to_.all.back().ranges = static_cast<number>(to_.ranges.size() - first);
  }

  pattern_states& to_;
  std::string_view text_;
  number position_ = 0;
  std::vector<group> groups_;  // those that are open
};

}  // namespace

std::uint32_t take_character(std::string_view& text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    text.remove_prefix(1);
    return lead;
  }
  const std::size_t size = lead < 0xC2   ? 0
                           : lead < 0xE0 ? 2
                           : lead < 0xF0 ? 3
                           : lead < 0xF5 ? 4
                                         : 0;
  std::uint32_t c = lead & (0x7Fu >> size);
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

pattern_states::pattern_states(std::string_view text) {
  maker m(*this, text);
  for (const token& t : tokens(text)) m.add(t);
  m.end();
}

bool pattern_states::has_class(const state& of, std::uint32_t c) const noexcept {
  const auto first = ranges.begin() + of.value;
  const bool found = std::any_of(first, first + of.ranges,
                                 [c](const range& r) { return r.first <= c && c <= r.last; });
  return found == (of.what == kind::in_class);
}

}  // namespace coramfs::detail
