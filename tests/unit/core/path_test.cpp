// SPDX-License-Identifier: BSL-1.0
#include "core/path.hpp"

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <random>
#include <string>
#include <vector>

namespace coramfs::tests {

namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using detail::normal_path;
using detail::path_buffer;

// The normal form, or the text of the error.
std::string normal(std::string_view text) {
  path_buffer buffer;
  const auto path = buffer.normalise(text);
  return path ? std::string(path.value().text()) : path.error().message();
}

error refusal(std::string_view text) {
  path_buffer buffer;
  return error_of(buffer.normalise(text));
}

std::string repeat(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

// The same by the book: split, then a stack of names.
std::string by_the_book(const std::string& text) {
  std::vector<std::string> names;
  std::string name;
  for (const char c : text + "/") {
    if (c != '/' && c != '\\') {
      name += c;
      continue;
    }
    if (name == ".." && names.empty()) return "climbs";
    if (name == "..")
      names.pop_back();
    else if (!name.empty() && name != ".")
      names.push_back(name);
    name.clear();
  }
  std::string path;
  for (const std::string& n : names) path += "/" + n;
  return path.empty() ? "/" : path;
}

}  // namespace

TEST_CASE("path: each spelling has one normal form", "[core][path]") {
  const struct {
    std::string_view text, expected;
  } cases[] = {{"a/b", "/a/b"},
               {"/a/b/", "/a/b"},
               {"//a//b", "/a/b"},
               {"/a/./b", "/a/b"},
               {"/a/x/../b", "/a/b"},
               {"\\a\\b", "/a/b"},
               {"a\\b/c\\", "/a/b/c"},
               {"", "/"},
               {"/", "/"},
               {"//", "/"},
               {".", "/"},
               {"\\", "/"},
               {"./.", "/"},
               {"a/..", "/"},
               {"/a/..", "/"},
               {"/missing/../x", "/x"},
               {"a/b/../../c", "/c"},
               {"a/../b/../c", "/c"},
               {"a/b/c/../../d", "/a/d"},
               {"...", "/..."},
               {"..a", "/..a"},
               {"a..", "/a.."},
               {".a", "/.a"},
               {"a.", "/a."},
               {"/..../.../", "/..../..."},
               {"C:\\x", "/C:/x"},
               {" ", "/ "},
               {"a b/ c", "/a b/ c"},
               {"A/a", "/A/a"},
               {"\xff\x01/\xc3", "/\xff\x01/\xc3"},
               {"a/b/c/../../../d", "/d"},
               {"x/./.././y", "/y"}};
  for (const auto& [text, expected] : cases) {
    INFO(text);
    CHECK(normal(text) == expected);
  }
}

TEST_CASE("path: climbing above the root at any point is refused", "[core][path]") {
  for (const std::string_view text : {"..", "/..", "../x", "a/../..", "/a/../../x", "\\..\\a",
                                      "a/../../a", "./..", "../", "x/../../x/y", "a/b/../../.."}) {
    INFO(text);
    CHECK(refusal(text) == errc::invalid_path);
  }
}

TEST_CASE("path: a NUL anywhere is refused, also where the name is dropped", "[core][path]") {
  for (const std::string_view text :
       {"\0"sv, "a\0"sv, "\0a"sv, "/a/\0/.."sv, "/a\0b/../c"sv, "/a/b/\0"sv}) {
    CHECK(refusal(text) == errc::invalid_path);
  }
}

TEST_CASE("path: names up to 255 bytes, paths up to 4096", "[core][path]") {
  const std::string name(255, 'n');
  CHECK(normal(name) == "/" + name);
  CHECK(refusal(name + "n") == errc::name_too_long);
  CHECK(refusal("/a/" + name + "n/b") == errc::name_too_long);

  const std::string longest = repeat("/" + name, 16);
  REQUIRE(longest.size() == 4096);
  CHECK(normal(longest) == longest);
  CHECK(normal(longest.substr(1)) == longest);
  CHECK(refusal("/a" + longest) == errc::name_too_long);
  CHECK(refusal(longest + "/a") == errc::name_too_long);
  const std::string narrow = repeat("/a", 2048);
  CHECK(normal(narrow) == narrow);
  CHECK(refusal(narrow + "/a") == errc::name_too_long);
  CHECK(refusal(narrow + "b") == errc::name_too_long);
  CHECK(normal(narrow.substr(0, 4094) + "b") == narrow.substr(0, 4094) + "b");
}

TEST_CASE("path: the limits apply to the normal form alone", "[core][path]") {
  const std::string too_long(300, 'x');
  CHECK(normal("/" + too_long + "/../a") == "/a");
  CHECK(normal("/a/" + too_long + "/" + too_long + "/../../b") == "/a/b");
  CHECK(normal(repeat("/x", 5000) + repeat("/..", 5000) + "/a") == "/a");
  CHECK(normal(repeat("/x/..", 5000) + "/a") == "/a");
  CHECK(normal(std::string(10'000, '/') + "a" + repeat("/.", 5000)) == "/a");
  CHECK(refusal(repeat("/x", 5000) + repeat("/..", 2951)) == errc::name_too_long);
  CHECK(normal(repeat("/x", 5000) + repeat("/..", 2952)) == repeat("/x", 2048));
}

TEST_CASE("path: NUL is looked for first, then climbing, then lengths", "[core][path]") {
  const std::string too_long(256, 'n');
  CHECK(refusal(too_long + "/../..") == errc::invalid_path);
  CHECK(refusal("../" + too_long) == errc::invalid_path);
  CHECK(refusal(too_long + "/a/../../../b") == errc::invalid_path);
  CHECK(refusal(repeat("/abc", 2000) + "\0"s) == errc::invalid_path);
  CHECK(refusal(too_long + "\0"s) == errc::invalid_path);
  CHECK(refusal(repeat("/abc", 2000) + repeat("/..", 2001)) == errc::invalid_path);
}

TEST_CASE("path: normalising is idempotent, and by the book", "[core][path]") {
  std::mt19937 random(20240607);
  const std::string_view pieces[] = {"/",  "\\",   ".",   "..",  "a",   "bc",
                                     "//", "/../", "/./", "...", "\xff"};
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::size_t n = random() % 12; n > 0; --n) text += pieces[random() % std::size(pieces)];
    const std::string expected = by_the_book(text);
    INFO(text);
    if (expected == "climbs") {
      REQUIRE(refusal(text) == errc::invalid_path);
    } else {
      REQUIRE(normal(text) == expected);
      REQUIRE(normal(expected) == expected);
    }
  }
}

// Text is looked at in pieces of several characters, and what is special may be at any place.
TEST_CASE("path: what is special is seen at every place of a long path", "[core][path]") {
  const std::string plain = "/" + repeat("ab/", 20) + "c";
  for (const std::string_view special : {"//", "/./", "/../", "\\", "/.", "/..", "/", "/.a", "."}) {
    for (std::size_t at = 3; at <= plain.size(); ++at) {
      const std::string text = plain.substr(0, at) + std::string(special) + plain.substr(at);
      INFO(text);
      CHECK(normal(text) == by_the_book(text));
    }
  }
  for (std::size_t at = 0; at <= plain.size(); ++at)
    CHECK(refusal(plain.substr(0, at) + "\0"s + plain.substr(at)) == errc::invalid_path);
}

TEST_CASE("path: a name of 255 bytes is taken, and one more refused, at every place",
          "[core][path]") {
  const std::string name(255, 'n');
  for (std::size_t before = 0; before < 40; ++before) {
    const std::string head = "/" + std::string(before, 'a') + (before > 0 ? "/" : "");
    for (const std::string_view tail : {"", "/b", "/bcdefghijklmnop/q"}) {
      const std::string longest = head + name + std::string(tail);
      CHECK(normal(longest) == longest);
      CHECK(refusal(head + name + "n" + std::string(tail)) == errc::name_too_long);
    }
  }
}

TEST_CASE("path: it knows its parent and its name", "[core][path]") {
  const struct {
    std::string_view text, parent, name;
  } cases[] = {{"/", "/", ""}, {"/a", "/", "a"}, {"/a/b", "/a", "b"}, {"/a/b/c", "/a/b", "c"}};
  for (const auto& c : cases) {
    path_buffer buffer;
    const normal_path path = buffer.normalise(c.text).value();
    INFO(c.text);
    CHECK(path.parent().text() == c.parent);
    CHECK(path.name() == c.name);
    CHECK(path.is_root() == (c.text == "/"));
  }
}

TEST_CASE("path: its names are taken off one by one", "[core][path]") {
  const auto names = [](std::string_view text) {
    path_buffer buffer;
    const normal_path path = buffer.normalise(text).value();
    std::vector<std::string> all;
    std::string_view rest = path.text();
    for (auto name = normal_path::take_name(rest); !name.empty();
         name = normal_path::take_name(rest))
      all.emplace_back(name);
    CHECK(rest.empty());
    return all;
  };
  CHECK(names("/").empty());
  CHECK(names("/a") == std::vector<std::string>{"a"});
  CHECK(names("/a/bc/d") == std::vector<std::string>{"a", "bc", "d"});
}

}  // namespace coramfs::tests
