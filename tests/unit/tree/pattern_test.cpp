// SPDX-License-Identifier: BSL-1.0
#include "tree/pattern.hpp"

#include "support/catch.hpp"
#include "support/dice.hpp"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace coramfs::detail {

namespace {

using names = std::vector<std::string>;

bool matches(std::string_view text, const names& path) {
  pattern p(text);
  pattern::places at = p.start();
  bool last = false;
  for (const std::string& name : path) {
    // As a glob does, which looks that name up and reads no other.
    const auto only = p.only_name(at);
    if (only && *only != name) return false;
    const pattern::step s = p.read(at, name);
    at = s.next;
    last = s.matches;
  }
  return last;
}

bool matches_name(std::string_view text, std::string_view name) {
  return matches(text, {std::string(name)});
}

// What braces stand for, one after the other, by the book; without classes.
names written_out(const std::string& text) {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{') open.push_back(i);
    if (text[i] != '}' || open.empty()) continue;
    const std::size_t begin = open.back();
    open.pop_back();
    // The innermost: there is no other in it.
    names all;
    for (std::size_t from = begin + 1; from <= i;) {
      const std::size_t to = std::min(text.find(',', from), i);
      for (std::string& one :
           written_out(text.substr(0, begin) + text.substr(from, to - from) + text.substr(i + 1)))
        all.push_back(std::move(one));
      from = to + 1;
    }
    return all;
  }
  return {text};
}

// Stands for two stars of the text, which others that braces bring together are not.
constexpr char two_stars = 'D';

bool naive_matches_name(std::string_view p, std::string_view name) {
  if (p.empty()) return name.empty();
  if (p.front() == '*' || p.front() == two_stars)
    return naive_matches_name(p.substr(1), name) ||
           (!name.empty() && naive_matches_name(p, name.substr(1)));
  return !name.empty() && (p.front() == '?' || p.front() == name.front()) &&
         naive_matches_name(p.substr(1), name.substr(1));
}

bool naive_matches(const names& p, std::size_t i, const names& path, std::size_t j) {
  if (i == p.size()) return j == path.size();
  if (j == path.size()) return false;
  if (p[i] != std::string(1, two_stars))
    return naive_matches_name(p[i], path[j]) && naive_matches(p, i + 1, path, j + 1);
  return i + 1 == p.size() || naive_matches(p, i + 1, path, j) || naive_matches(p, i, path, j + 1);
}

names components(const std::string& text) {
  names all;
  std::string name;
  for (const char c : text + "/") {
    if (c != '/') {
      name += c;
    } else if (!name.empty()) {
      all.push_back(std::move(name));
      name.clear();
    }
  }
  return all;
}

}  // namespace

TEST_CASE("pattern: a component matches a name as a whole", "[tree][glob]") {
  struct sample {
    const char* pattern;
    const char* name;
    bool matches;
  };
  const sample s = GENERATE(values<sample>({
      {"a", "a", true},
      {"a", "A", false},
      {"a", "ab", false},
      {"*", ".hidden", true},
      {"*.bin", "x.bin", true},
      {"*.bin", ".bin", true},
      {"*.bin", "x.bin2", false},
      {"a*b*c", "aXbYbZc", true},
      {"a*b*c", "aXcYb", false},
      {"b**", "bxx", true},
      {"?", "a", true},
      {"?", "ab", false},
      {"?", "\xC3\xA9", true},
      {"??", "\xC3\xA9", false},
      {"?", "\xFF", true},
      {"??", "\xC3(", true},
      {"[ac]", "c", true},
      {"[ac]", "b", false},
      {"[a-z]", "m", true},
      {"[a-z]", "M", false},
      {"[!y]", "x", true},
      {"[!y]", "y", false},
      {"[]a]", "]", true},
      {"[!]a]", "]", false},
      {"[!]a]", "b", true},
      {"[", "[", true},
      {"[a", "[a", true},
      {"[z-a]", "m", false},
      {"[z-a]", "z", false},
      {"[a-]", "-", true},
      {"[\xC3\xA0-\xC3\xA9]", "\xC3\xA2", true},
      {"x[!a]*", "xbc", true},
      {"[^a]", "^", true},
      {"", "a", false},
  }));
  CAPTURE(s.pattern, s.name);
  CHECK(matches_name(s.pattern, s.name) == s.matches);
}

TEST_CASE("pattern: braces stand for each of their alternatives, nested too", "[tree][glob]") {
  struct sample {
    const char* pattern;
    const char* name;
    bool matches;
  };
  const sample s = GENERATE(values<sample>({
      {"{a,b}", "a", true},
      {"{a,b}", "b", true},
      {"{a,b}", "ab", false},
      {"{a,b}", "{a,b}", false},
      {"*.{txt,bin}", "x.bin", true},
      {"*.{txt,bin}", "x.cpp", false},
      {"x{a,{b,c}d}y", "xay", true},
      {"x{a,{b,c}d}y", "xcdy", true},
      {"x{a,{b,c}d}y", "xcy", false},
      {"a{,b}", "a", true},
      {"a{,b}", "ab", true},
      {"{a,b}{c,d}", "bc", true},
      {"{a*,?b}", "xb", true},
      {"{[ab],c}", "b", true},
      {"[{,}]", "{", true},
      {"[{,}]", ",", true},
      {"{a}", "a", true},
      {"{a", "{a", true},
      {"{a,b", "{a,b", true},
      {"{a,b", "a", false},
      {"{x,{a,b}", "{x,b", true},
      {"{x,{a,b}", "x", false},
      {"a}", "a}", true},
      {"a,b", "a,b", true},
      {"{{{", "{{{", true},
      {"{\xC3\xA9,b}", "\xC3\xA9", true},
  }));
  CAPTURE(s.pattern, s.name);
  CHECK(matches_name(s.pattern, s.name) == s.matches);
}

TEST_CASE("pattern: separators in braces part names as elsewhere", "[tree][glob]") {
  CHECK(matches("/{a/b,c}/d", {"a", "b", "d"}));
  CHECK(matches("/{a/b,c}/d", {"c", "d"}));
  CHECK_FALSE(matches("/{a/b,c}/d", {"a", "d"}));
  CHECK(matches("/{a/,}b", {"a", "b"}));
  CHECK(matches("/{a/,}b", {"b"}));
  CHECK(matches("/{**/,}b", {"x", "y", "b"}));
  CHECK(matches("/a/{**,b}/c", {"a", "x", "y", "c"}));
  CHECK(matches("/{a,**}", {"x", "y"}));
  CHECK_FALSE(matches("/top/{**,**/}", {"top"}));
  CHECK(matches("/top{/,}", {"top"}));
}

TEST_CASE("pattern: it matches what it does when written out by the book", "[tree][glob]") {
  tests::dice random(20'240'607);
  const auto some = [&](std::string_view letters, std::size_t most) {
    std::string text;
    for (std::size_t n = random.below(most + 1); text.size() < n;)
      text += letters[random.below(letters.size())];
    return text;
  };
  int found = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = some("aab/{,},}**?", 12);
    std::string marked;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t stars = std::min(text.find_first_not_of('*', at), text.size()) - at;
      marked += stars == 2 ? two_stars : text[at];
      at += std::max<std::size_t>(stars, 1);
    }
    std::vector<names> all;
    for (const std::string& one : written_out(marked)) all.push_back(components(one));
    for (int k = 0; k < 5; ++k) {
      const names path = components(some("aab/", 6));
      if (path.empty()) continue;
      const bool expected = std::any_of(
          all.begin(), all.end(), [&](const names& one) { return naive_matches(one, 0, path, 0); });
      CAPTURE(text, path);
      REQUIRE(matches(text, path) == expected);
      if (expected) ++found;
    }
  }
  CHECK(found > 500);
}

TEST_CASE("pattern: a name is read in time of the sizes of both, whatever the pattern is",
          "[tree][glob]") {
  const std::string name(255, 'a');
  const auto repeated = [](std::string_view part) {
    std::string text;
    while (text.size() + part.size() <= pattern::max_size) text += part;
    return text;
  };
  std::string nested(pattern::max_size / 2, '{');
  nested += std::string(pattern::max_size / 2, '}');
  const std::string p = GENERATE_COPY(
      repeated("*a"), repeated("["), repeated("*["), repeated("[!"), repeated("{"), nested,
      repeated("{a,b}"), repeated("{a,}"), repeated("{,}"), repeated("{*,a}"), repeated("{"),
      repeated("/**/*"), repeated("/**"), repeated("{**,/}"), repeated(","), repeated("?*"),
      repeated("[a-b]*"), "*[" + repeated("a-b").substr(4) + "]", repeated("{{a,b},"));
  CAPTURE(p.substr(0, 16));
  pattern machine(p);
  pattern::places at = machine.start();
  for (int depth = 0; depth < 3 && !at.empty(); ++depth) {
    const pattern::step s = machine.read(at, name);
    // Two states for a byte, each looked at once for each character.
    CHECK(s.work <= (2 * p.size() + 300) * (name.size() + 4));
    CHECK(s.next.size() <= 2 * p.size() + 1);
    CHECK(std::is_sorted(s.next.begin(), s.next.end()));
    CHECK(std::adjacent_find(s.next.begin(), s.next.end()) == s.next.end());
    at = s.next;
  }
}

TEST_CASE("pattern: many stars match as one does", "[tree][glob]") {
  std::string stars;
  for (int i = 0; i < 100; ++i) stars += "*a";
  CHECK_FALSE(matches_name(stars + "b", std::string(250, 'a')));
  CHECK(matches_name(stars, std::string(250, 'a')));
}

TEST_CASE("pattern: where there is only one name to match, it says so", "[tree][glob]") {
  const auto only = [](std::string_view text) {
    pattern p(text);
    return p.only_name(p.start()).value_or("none");
  };
  CHECK(only("/a-name/*") == "a-name");
  CHECK(only("\\a-name") == "a-name");
  CHECK(only("/{a") == "{a");
  CHECK(only("/a*") == "none");
  CHECK(only("/{a,b}") == "none");
  CHECK(only("/[a]") == "none");
  CHECK(only("/a?") == "none");
  CHECK(only("/**") == "none");
}

TEST_CASE("pattern: components follow each other, and ** stands for any number of directories",
          "[tree][glob]") {
  CHECK(matches("/a/**/*.bin", {"a", "x.bin"}));
  CHECK(matches("/a/**/*.bin", {"a", "b", "c", "z.bin"}));
  CHECK_FALSE(matches("/a/**/*.bin", {"b", "z.bin"}));
  CHECK(matches("**/**/z", {"z"}));
  CHECK(matches("/top/**", {"top", "x", "y"}));
  CHECK_FALSE(matches("/top/**", {"top"}));
  CHECK(matches("//a///b//", {"a", "b"}));
  CHECK(matches("a\\b", {"a", "b"}));
  CHECK_FALSE(matches("", {"a"}));
  CHECK_FALSE(matches("/", {"a"}));
  CHECK_FALSE(matches(".", {"a"}));
}

}  // namespace coramfs::detail
