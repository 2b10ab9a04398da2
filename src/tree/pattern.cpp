// SPDX-License-Identifier: BSL-1.0
#include "tree/pattern.hpp"

#include <bit>
#include <utility>

namespace coramfs::detail {

namespace {

using kind = pattern_states::kind;

}  // namespace

template <class Visit>
void pattern::state_set::take_all(Visit visit) {
  for (std::size_t w = 0; w < words_.size(); ++w) {
    while (words_[w] != 0) {
      const int bit = std::countr_zero(words_[w]);
      words_[w] &= words_[w] - 1;
      visit(w * 64 + static_cast<std::size_t>(bit));
    }
  }
}

pattern::pattern(std::string_view text)
    : text_(text),
      states_(text),
      here_(states_.all.size()),
      behind_character_(states_.all.size()),
      reached_(states_.all.size()),
      roles_(states_.all.size()) {}

pattern::places pattern::start() {
  places at;
  add(0, begins);
  settle(at);
  return at;
}

// Follows the states of characters from the only place. They must stand together in the text, and
// end where a name ends; a closing brace may follow, which makes no state.
std::optional<std::string_view> pattern::only_name(const places& at) const noexcept {
  if (at.size() != 1) return std::nullopt;
  std::size_t i = at.front();
  const std::string_view behind = text_.substr(states_[i].position);
  std::string_view rest = behind;
  for (; states_[i].what == kind::character; ++i) {
    if (states_[i].position != text_.size() - rest.size()) return std::nullopt;
    take_character(rest);
  }
  if (states_[i].what != kind::separator && states_[i].what != kind::end) return std::nullopt;
  return behind.substr(0, behind.size() - rest.size());
}

pattern::step pattern::read(const places& from, std::string_view name) {
  work_ = 0;
  has_places_ = false;
  for (const number i : from) {
    if (states_[i].what != kind::any_depth) {
      here_.add(i);
      has_places_ = true;
    } else {
      add(i, begins);
      add(states_[i].next, is_behind | ends_path);
    }
  }
  while (has_places_ && !name.empty()) read_character(take_character(name));
  here_.take_all([this](std::size_t i) { add(i, ends_name); });
  step s{{}, false, 0};
  s.matches = settle(s.next);
  s.work = work_;
  return s;
}

void pattern::read_character(std::uint32_t c) {
  has_places_ = false;
  work_ += here_.words();
  const auto go_to = [this](std::size_t state) {
    behind_character_.add(state);
    has_places_ = true;
  };
  here_.take_all([&](std::size_t i) {
    const pattern_states::state& s = states_[i];
    ++work_;
    switch (s.what) {
      case kind::character:
        if (s.value == c) go_to(s.next);
        break;
      case kind::any_character: go_to(s.next); break;
      case kind::in_class:
      case kind::not_in_class:
        work_ += s.ranges;
        if (states_.has_class(s, c)) go_to(s.next);
        break;
      case kind::star:
      case kind::double_star:
        // A star at the end of a name takes all the rest of it.
        if (ends_a_name(s.next)) {
          add(i, ends_name);
        } else {
          go_to(i);
          here_.add(s.next);
        }
        break;
      case kind::branch:
        if (s.other != 0) here_.add(s.other);
        here_.add(s.next);
        break;
      case kind::jump: here_.add(s.next); break;
      case kind::any_depth:
      case kind::separator:
      case kind::end: break;
    }
  });
  here_.swap(behind_character_);
}

bool pattern::ends_a_name(std::size_t state) const noexcept {
  return states_[state].what == kind::separator || states_[state].what == kind::end;
}

void pattern::add(std::size_t state, unsigned roles) noexcept {
  roles_[state] = static_cast<unsigned char>(roles_[state] | roles);
  reached_.add(state);
}

// Between two names: finds in `next` where the next one may begin, from what was reached. Returns
// whether the path may end there.
bool pattern::settle(places& next) {
  bool matches = false;
  work_ += reached_.words();
  reached_.take_all([&](std::size_t i) {
    ++work_;
    settle_state(i, std::exchange(roles_[i], std::uint8_t{0}), next, matches);
  });
  return matches;
}

void pattern::settle_state(std::size_t i, unsigned roles, places& next, bool& matches) {
  const pattern_states::state& s = states_[i];
  const auto go_on = [&](std::size_t to, unsigned as) {
    if (as != 0) add(to, as);
  };
  switch (s.what) {
    case kind::branch:
      if (s.other != 0) go_on(s.other, roles);
      go_on(s.next, roles);
      return;
    case kind::jump: go_on(s.next, roles); return;
    case kind::separator:
      // A separator in front of the first name, and a surplus one, mean nothing.
      if ((roles & (begins | is_behind | ends_name)) != 0) go_on(s.next, begins);
      if ((roles & (ends_name | ends_path)) != 0) go_on(s.next, ends_path);
      return;
    case kind::end: matches = (roles & (ends_name | ends_path)) != 0; return;
    case kind::star: go_on(s.next, roles & ends_name); break;
    case kind::double_star:
      go_on(s.next, roles & ends_name);
      go_on(i + 1, roles & begins);
      break;
    // Any number of names may be none at all.
    case kind::any_depth: go_on(s.next, (roles & begins) != 0 ? is_behind : 0); break;
    case kind::character:
    case kind::any_character:
    case kind::in_class:
    case kind::not_in_class: break;
  }
  if ((roles & begins) != 0) next.push_back(static_cast<number>(i));
}

}  // namespace coramfs::detail
