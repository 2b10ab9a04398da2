// SPDX-License-Identifier: BSL-1.0
// All that matches a pattern, a page at a time, beside `glob`.
#include "api/coroutines.hpp"
#include "api/scenario.hpp"

#include <coramfs/sync/file_system.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using paths = std::vector<std::string>;

paths paths_of(const std::vector<found_entry>& all) {
  paths some;
  for (const found_entry& e : all) some.push_back(e.path);
  return some;
}
paths sorted(paths all) {
  std::sort(all.begin(), all.end());
  return all;
}

template <class Choices>
const auto& one_of(const Choices& choices, std::mt19937_64& random) {
  return choices[random() % std::size(choices)];
}

constexpr const char* names[] = {"a", "b", "ab", "a-b", "a0", "a.txt", ".b", "c[d", "\xc3\xa4"};
constexpr const char* parts[] = {"a",   "b",     "*",    "**",      "?",     "a*",  "*b",  "[ab]",
                                 "a?b", "{a,b}", "[!a]", "{a,a/b}", "{b/*}", "**a", "c[d", ""};

// A tree of directories and files, some of whose names sort between a name and what is below it.
void make_tree(const scenario& fs, std::mt19937_64& random) {
  paths directories{""};
  for (int i = 0; i < 60; ++i) {
    const std::string path = one_of(directories, random) + "/" + one_of(names, random);
    if (fs->exists(path).value()) continue;
    if (random() % 2 == 0) {
      fs->create_directory(path).value();
      directories.push_back(path);
    } else {
      fs->write_file(path, "x").value();
    }
  }
}

std::string make_pattern(std::mt19937_64& random) {
  std::string pattern = random() % 2 == 0 ? "/" : "";
  for (auto more = 1 + random() % 4; more > 0; --more) {
    pattern += one_of(parts, random);
    if (more > 1) pattern += '/';
  }
  return pattern;
}

// The turns of a context that all of them take.
struct count {
  std::size_t found = 0, turns = 0;
};
count count_awaited(const volume& v, const std::string& pattern) {
  asio::io_context context;
  file_system fs(context, v);
  count all;
  spawn(context, [&]() -> asio::awaitable<void> {
    auto matches = fs.each_match(pattern);
    for (;;) {
      const auto page = co_await matches.next();
      if (page.value().empty()) break;
      all.found += page.value().size();
    }
  });
  while (context.run_one() > 0) ++all.turns;
  return all;
}

}  // namespace

TEST_CASE("each_match: it gives what glob finds, in its order, with what stat tells",
          "[api][each][glob]") {
  std::mt19937_64 random(5);
  for (int tree = 0; tree < 6; ++tree) {
    const scenario fs;
    make_tree(fs, random);
    for (int i = 0; i < 60; ++i) {
      const std::string pattern = make_pattern(random);
      CAPTURE(pattern);
      const auto found = fs->each_match(pattern).value();
      REQUIRE(paths_of(found) == fs->glob(pattern).value());
      for (const found_entry& e : found) {
        const file_status status = fs->stat(e.path).value();
        REQUIRE(e.status.id == status.id);
        REQUIRE(e.status.is_directory == status.is_directory);
      }
    }
  }
}

TEST_CASE("each_match: larger directories are sorted page by page, and nothing comes twice",
          "[api][each][glob]") {
  const scenario fs;
  for (int d = 0; d < 400; ++d) {
    const std::string top = "/d" + std::to_string(d);
    fs->create_directory(top).value();
    for (int f = 0; f < (d % 150 == 7 ? 700 : d % 3); ++f)
      fs->write_file(top + "/" + std::to_string(f), "").value();
  }
  for (const char* pattern : {"/**", "/*/*", "/d7/*", "/d7/*1*", "/d?57/[0-4]*", "/d157/699"}) {
    CAPTURE(pattern);
    const auto expected = fs->glob(pattern).value();
    REQUIRE_FALSE(expected.empty());
    const paths found = paths_of(fs->each_match(pattern).value());
    CHECK((sorted(found) == expected));
  }
  const paths page = paths_of(fs->each_match("/d7/*").value());
  CHECK(std::is_sorted(page.begin(), page.begin() + 256));
  CHECK_FALSE(std::is_sorted(page.begin(), page.end()));
  fs.expect_slices();
}

TEST_CASE("each_match: what is no pattern of anything matches nothing", "[api][each][glob]") {
  const scenario fs;
  fs->create_directories("/a/b").value();
  fs->write_file("/a/[x", "").value();
  fs->write_file("/f", "").value();
  for (const std::string& pattern :
       {std::string(""), std::string("/"), std::string("//"), std::string("."), std::string(".."),
        std::string("/a/.."), std::string("/a/./b"), std::string("/../a"), std::string("/f/x"),
        std::string("/f/*"), std::string("/x/*"), std::string("/a\0", 3), std::string(300, 'n'),
        std::string(4096, '?')}) {
    CAPTURE(pattern);
    CHECK(fs->each_match(pattern).value().empty());
    CHECK(fs->glob(pattern).value().empty());
  }
  CHECK(paths_of(fs->each_match("a/[x").value()) == paths{"/a/[x"});
  CHECK(paths_of(fs->each_match("\\a//b/").value()) == paths{"/a/b"});
  const std::string too_long(4097, '*');
  const error e = error_of(fs->each_match(too_long));
  CHECK(e == errc::name_too_long);
  CHECK(e.details().path.size() > 300);
  CHECK(error_of(fs->glob(too_long)) == errc::name_too_long);
}

TEST_CASE("each_match: what lies too deep for a path ends it with an error",
          "[api][each][glob][errors]") {
  const scenario fs;
  std::string deep;
  for (int i = 0; i < 15; ++i) deep += "/" + std::string(250, 'n');
  fs->create_directories("/a" + deep).value();
  fs->create_directories("/b" + deep).value();
  CHECK(fs->each_match("/**").value().size() == 32);
  fs->rename("/b", "/a" + deep + "/b").value();
  CHECK(error_of(fs->each_match("/**")) == errc::name_too_long);
  CHECK(fs->each_match("/*/*").value().size() == 1);
  fs->remove_tree("/a").value();
}

TEST_CASE("each_match: directories that nothing can match in are not looked at",
          "[each][glob][coroutines]") {
  const volume v = volume::create().value();
  sync::file_system threads(v);
  constexpr int many = 20'000;
  threads.create_directories("/large/in/deep").value();
  threads.create_directory("/small").value();
  for (int i = 0; i < many; ++i)
    threads.open("/large/" + std::to_string(i), open_mode::create).value();
  threads.write_file("/small/x.txt", {}).value();
  // What begins and ends a coroutine takes turns, too. Each of others comes after 2,000 entries.
  const std::size_t without = count_awaited(v, "").turns;
  for (const char* pattern : {"/small/*", "/small/**", "/*", "/s*/*.txt", "/large/17",
                              "/large/in/*", "/{large,small}/in/*"}) {
    CAPTURE(pattern);
    const count all = count_awaited(v, pattern);
    CHECK(all.found == threads.glob(pattern).value().size());
    CHECK(all.turns == without);
  }
  // And those that nothing is found in are counted.
  const count in_vain = count_awaited(v, "/large/x*");
  CHECK(in_vain.found == 0);
  CHECK(in_vain.turns >= without + many / 2300);
}

TEST_CASE("each_match: what others remove meanwhile is left out, and what they add may be seen",
          "[each][glob]") {
  auto fs = sync::file_system::create().value();
  for (const char* top : {"/a", "/b", "/c", "/d"})
    fs.create_directories(std::string(top) + "/deep").value();
  auto matches = fs.each_match("/*/*");
  paths found;
  for (const found_entry& e : matches) {
    found.push_back(e.path);
    if (found.size() == 1) break;
  }
  CHECK(matches.status().has_value());
  fs.remove_tree("/b").value();
  fs.remove_tree("/c").value();
  fs.write_file("/c", {}).value();
  fs.write_file("/d/new", {}).value();
  for (const found_entry& e : matches) found.push_back(e.path);
  CHECK(matches.status().has_value());
  // The entry that the loop was left at is given once more.
  CHECK(found == paths{"/a/deep", "/a/deep", "/d/deep", "/d/new"});
}

TEST_CASE("each_match: a directory that goes between two pages has no more matches",
          "[each][glob]") {
  const auto way = GENERATE(as<std::string>(), "/d/*", "/*/*", "/**");
  auto fs = sync::file_system::create().value();
  for (int i = 0; i < 600; ++i) fs.create_directories("/d/" + std::to_string(i)).value();
  fs.create_directories("/z/last").value();
  auto matches = fs.each_match(way);
  std::size_t found = 0;
  for (const found_entry& e : matches) {
    if (e.path.starts_with("/d/") && ++found == 200) fs.remove_tree("/d").value();
  }
  CHECK(matches.status().has_value());
  CHECK(found >= 200);
  CHECK(found <= 256);
}

TEST_CASE("each_match: a range may be moved, and outlive the file system", "[each][glob]") {
  const auto make = [] {
    auto fs = sync::file_system::create().value();
    fs.create_directories("/a/b").value();
    return fs.each_match("/**");
  };
  auto made = make();
  auto range = std::move(made);
  paths found;
  for (const found_entry& e : range) found.push_back(e.path);
  CHECK(found == paths{"/a", "/a/b"});
}

}  // namespace coramfs::tests
