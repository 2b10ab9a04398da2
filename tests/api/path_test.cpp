// SPDX-License-Identifier: BSL-1.0
#include <coramfs/sync/file_system.hpp>

#include "api/scenario.hpp"

namespace coramfs::tests {

namespace {

using namespace std::string_view_literals;

std::string repeat(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

// Every operation of one path, so that each is seen to resolve it the same way.
using operation = error (*)(any_file_system&, std::string_view);
constexpr std::array<std::pair<const char*, operation>, 13> operations{{
    {"open",
     [](any_file_system& fs, std::string_view p) { return error_of(fs.open(p, open_mode::read)); }},
    {"create", [](any_file_system& fs,
                  std::string_view p) { return error_of(fs.open(p, open_mode::create)); }},
    {"create_directory",
     [](any_file_system& fs, std::string_view p) { return error_of(fs.create_directory(p)); }},
    {"create_directories",
     [](any_file_system& fs, std::string_view p) { return error_of(fs.create_directories(p)); }},
    {"remove", [](any_file_system& fs, std::string_view p) { return error_of(fs.remove(p)); }},
    {"remove_directory",
     [](any_file_system& fs, std::string_view p) { return error_of(fs.remove_directory(p)); }},
    {"remove_tree",
     [](any_file_system& fs, std::string_view p) { return error_of(fs.remove_tree(p)); }},
    {"list", [](any_file_system& fs, std::string_view p) { return error_of(fs.list(p)); }},
    {"list_entries",
     [](any_file_system& fs, std::string_view p) { return error_of(fs.list_entries(p)); }},
    {"list_some",
     [](any_file_system& fs, std::string_view p) { return error_of(fs.list_some(p, "", 1)); }},
    {"stat", [](any_file_system& fs, std::string_view p) { return error_of(fs.stat(p)); }},
    {"read_file",
     [](any_file_system& fs, std::string_view p) { return error_of(fs.read_file(p)); }},
    {"write_file",
     [](any_file_system& fs, std::string_view p) { return error_of(fs.write_file(p, "x")); }},
}};

}  // namespace

TEST_CASE("path: many spellings name one file", "[api][path]") {
  const scenario fs;
  fs->create_directory("/a").value();
  fs->write_file("/a/b", "content").value();
  for (const std::string_view spelling :
       {"a/b", "/a/b", "/a/b/", "//a//b", "/a/./b", "/a/x/../b", "\\a\\b", "a\\b\\", "./a/b",
        "/missing/../a/b", "/a/b/.", "/a/b/c/..", "a/../a/b//", "/./\\a/.\\b/./"}) {
    INFO(spelling);
    CHECK(fs->read_file(spelling).value() == "content");
    CHECK(fs->is_file(spelling).value());
    CHECK(fs->open(spelling, open_mode::read).value()->path() == "/a/b");
  }
}

TEST_CASE("path: what names nothing else names the root", "[api][path]") {
  const scenario fs;
  fs->create_directory("/a").value();
  for (const std::string_view spelling :
       {"", "/", "//", ".", "\\", "./", "/.", "/a/..", "/x/y/../..", "a/..", "/a/../"}) {
    INFO(spelling);
    CHECK(fs->is_directory(spelling).value());
    CHECK(fs->exists(spelling).value());
    CHECK(fs->list(spelling).value() == std::vector<std::string>{"a"});
    CHECK(error_of(fs->remove_tree(spelling)) == errc::invalid_argument);
  }
}

TEST_CASE("path: a dot-dot is resolved in the text, before any lookup", "[api][path]") {
  const scenario fs;
  fs->write_file("/missing/../x", "content").value();
  CHECK(fs->list("/").value() == std::vector<std::string>{"x"});
  CHECK(fs->read_file("/x/../x").value() == "content");
}

TEST_CASE("path: climbing above the root at any point is refused by every operation",
          "[api][path]") {
  const scenario fs;
  fs->create_directories("/a/b").value();
  for (const std::string_view climbing :
       {"..", "../x", "a/../..", "/a/../../x", "/..", "\\..", "/../a", "/a/../../a/b"}) {
    for (const auto& [name, run] : operations) {
      INFO(name << " of " << climbing);
      const std::string before = fs.picture();
      CHECK(run(*fs, climbing) == errc::invalid_path);
      CHECK(fs.picture() == before);
    }
  }
}

TEST_CASE("path: a NUL anywhere is refused by every operation", "[api][path]") {
  const scenario fs;
  fs->create_directory("/a").value();
  for (const std::string_view nul : {"\0"sv, "/a\0"sv, "/a\0b"sv, "/\0/../a"sv, "/a/b\0/.."sv}) {
    for (const auto& [name, run] : operations) {
      INFO(name);
      CHECK(run(*fs, nul) == errc::invalid_path);
    }
  }
  CHECK(fs->list("/").value() == std::vector<std::string>{"a"});
}

TEST_CASE("path: a name of 255 bytes passes, one of 256 is too long for every operation",
          "[api][path]") {
  const scenario fs;
  const std::string longest(255, 'n'), longer(256, 'n');
  fs->write_file(longest, "content").value();
  CHECK(fs->list("/").value() == std::vector<std::string>{longest});
  for (const auto& [name, run] : operations) {
    INFO(name);
    CHECK(run(*fs, longer) == errc::name_too_long);
    CHECK(run(*fs, "/" + longer + "/x") == errc::name_too_long);
  }
}

TEST_CASE("path: one of 4096 bytes passes, one of 4097 is too long for every operation",
          "[api][path]") {
  const scenario fs;
  const std::string deep = repeat("/" + std::string(255, 'n'), 15);
  const std::string longest = deep + "/" + std::string(255, 'f');
  REQUIRE(longest.size() == 4096);
  fs->create_directories(deep).value();
  fs->write_file(longest, "content").value();
  CHECK(fs->read_file(longest).value() == "content");
  CHECK(fs->open(longest, open_mode::read).value()->path() == longest);

  const std::string longer =
      "/a" + repeat("/" + std::string(255, 'n'), 15) + "/" + std::string(254, 'n');
  REQUIRE(longer.size() == 4097);
  for (const auto& [name, run] : operations) {
    INFO(name);
    CHECK(run(*fs, longer) == errc::name_too_long);
  }
}

TEST_CASE("path: the limits are on the normal form alone", "[api][path]") {
  const scenario fs;
  fs->write_file("/" + std::string(300, 'x') + "/../a", "content").value();
  CHECK(fs->read_file(repeat("/", 10000) + "a" + repeat("/.", 10000)).value() == "content");
  CHECK(fs->read_file(repeat("/x", 5000) + repeat("/..", 5000) + "/a").value() == "content");
}

TEST_CASE("path: climbing is found before a name that is too long", "[api][path]") {
  const scenario fs;
  const std::string too_long(256, 'n');
  CHECK(error_of(fs->stat("/../" + too_long)) == errc::invalid_path);
  CHECK(error_of(fs->stat("/" + too_long + "/../..")) == errc::invalid_path);
  CHECK(error_of(fs->stat(too_long + std::string(1, '\0'))) == errc::invalid_path);
}

TEST_CASE("path: two thousand levels are made, listed and removed", "[api][path]") {
  const scenario fs;
  const std::string deep = repeat("/d", 2048);
  CHECK(fs->create_directories(deep).value());
  CHECK(fs.stats().directory_count == 2049);
  CHECK(fs->list(deep).value().empty());
  CHECK(error_of(fs->create_directory(deep + "/d")) == errc::name_too_long);
  fs->remove_tree("/d").value();
  CHECK(fs.stats().directory_count == 1);
}

TEST_CASE("path: all other bytes are ordinary", "[api][path]") {
  const scenario fs;
  const std::vector<std::string> names{"A",         "a",    " a",   "a ",   ".a",       "a.",
                                       "...",       "*",    "a\nb", "\x01", "\xff\xfe", "\xc3\xa4",
                                       "a\xcc\x88", "\x7f", "C:",   "~"};
  for (const std::string& name : names) fs->write_file("/" + name, name).value();
  CHECK(fs->list("/").value().size() == names.size());
  for (const std::string& name : names) CHECK(fs->read_file(name).value() == name);
}

TEST_CASE("path: a drive letter is a directory's name", "[api][path]") {
  const scenario fs;
  fs->create_directory("/C:").value();
  fs->write_file("C:\\x", "content").value();
  CHECK(fs->read_file("/C:/x").value() == "content");
}

TEST_CASE("path: names are sorted as unsigned bytes", "[api][path]") {
  const scenario fs;
  for (const char* name : {"\xff", "b", "a", "B", "a.b", "ab", "\x01", "\xc3\xa4", "-", "aa"})
    fs->write_file(name, "").value();
  CHECK(fs->list("/").value() == std::vector<std::string>{"\x01", "-", "B", "a", "a.b", "aa", "ab",
                                                          "b", "\xc3\xa4", "\xff"});
}

TEST_CASE("path: one of char8_t has the bytes that it is written with", "[api][path]") {
  auto fs = sync::file_system::create().value();
  fs.create_directory(u8"/gr\u00fc\u00dfe").value();
  fs.write_file(std::u8string(u8"/gr\u00fc\u00dfe/a"), "abc").value();
  CHECK(fs.list("/").value() == std::vector<std::string>{"gr\xc3\xbc\xc3\x9f"
                                                         "e"});
  CHECK(fs.read_text(std::u8string_view(u8"/gr\u00fc\u00dfe/a")).value() == "abc");
}

TEST_CASE("path: lookup stops at what is missing or is no directory, whichever comes first",
          "[api][path]") {
  const scenario fs;
  fs->create_directory("/d").value();
  fs->write_file("/f", "").value();
  for (const auto& [name, run] : operations) {
    INFO(name);
    CHECK(run(*fs, "/f/x") == errc::not_a_directory);
    CHECK(run(*fs, "/f/x/y") == errc::not_a_directory);
    CHECK(run(*fs, "/f/x/../y") == errc::not_a_directory);
    if (std::string_view(name) == "create_directories") continue;
    CHECK(run(*fs, "/missing/x") == errc::not_found);
    CHECK(run(*fs, "/missing/f/x") == errc::not_found);
    CHECK(run(*fs, "/d/missing/x") == errc::not_found);
  }
}

}  // namespace coramfs::tests
