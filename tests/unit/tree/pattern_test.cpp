// SPDX-License-Identifier: BSL-1.0
#include "tree/pattern.hpp"

#include "support/catch.hpp"

#include <string>

namespace coramfs::detail {

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
      {"*", "", true},
      {"*", ".hidden", true},
      {"*.bin", "x.bin", true},
      {"*.bin", ".bin", true},
      {"*.bin", "x.bin2", false},
      {"a*b*c", "aXbYbZc", true},
      {"a*b*c", "aXcYb", false},
      {"b**", "bxx", true},
      {"?", "a", true},
      {"?", "", false},
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
      {"", "", true},
      {"", "a", false},
  }));
  CAPTURE(s.pattern, s.name);
  CHECK(matches_name(s.pattern, s.name) == s.matches);
}

TEST_CASE("pattern: many stars take no exponential time", "[tree][glob]") {
  std::string stars;
  for (int i = 0; i < 100; ++i) stars += "*a";
  CHECK_FALSE(matches_name(stars + "b", std::string(250, 'a')));
  CHECK(matches_name(stars, std::string(250, 'a')));
}

TEST_CASE("pattern: components follow each other, and ** stands for any number of directories",
          "[tree][glob]") {
  const auto matches = [](std::string_view text, std::initializer_list<std::string_view> path) {
    const pattern p(text);
    pattern::places at = p.start();
    bool last = false;
    for (const std::string_view name : path) {
      const pattern::step s = p.read(at, name);
      at = s.next;
      last = s.matches;
    }
    return last;
  };
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
