// SPDX-License-Identifier: BSL-1.0
// Trees in one line, and what a volume has otherwise than it should.
#include <coramfs/sync/file_system.hpp>
#include <coramfs/testing/tree.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace coramfs::tests {

namespace {

using testing::difference;
using testing::files;
using testing::tree_of;

volume volume_with(const tree_of& t, storage_layout layout = storage_layout::automatic) {
  auto v = volume::create({.default_storage = layout}).value();
  testing::fill(v, t);
  return v;
}

}  // namespace

TEST_CASE("tree: files bring the directories above them", "[testing][tree]") {
  const tree_of t = files({{"/a/b/c", "x"}, {"/d/", ""}, {"/e", ""}});
  CHECK(t.entries() ==
        tree_of::entry_map{{"/a", {}}, {"/a/b", {}}, {"/a/b/c", "x"}, {"/d", {}}, {"/e", ""}});
  CHECK(files({{"//a//b", "x"}, {"/a/", ""}}) == files({{"/a/b", "x"}}));
  CHECK(tree_of(volume_with(t)) == t);
  CHECK(files({}) == tree_of());
  CHECK(files({{"/", ""}}) == tree_of());
}

TEST_CASE("tree: what is no tree is refused, and named", "[testing][tree]") {
  CHECK_THROWS_AS(files({{"a", ""}}), std::invalid_argument);
  CHECK_THROWS_AS(files({{"", ""}}), std::invalid_argument);
  CHECK_THROWS_AS(files({{"/a/../b", ""}}), std::invalid_argument);
  CHECK_THROWS_AS(files({{"/./b", ""}}), std::invalid_argument);
  CHECK_THROWS_AS(files({{"/a\\b", ""}}), std::invalid_argument);
  CHECK_THROWS_AS(files({{std::string("/a\0b", 4), ""}}), std::invalid_argument);
  CHECK_THROWS_AS(files({{"/a/", "x"}}), std::invalid_argument);
  CHECK_THROWS_AS(files({{"/a", "x"}, {"/a/b", "y"}}), std::invalid_argument);
  CHECK_THROWS_AS(files({{"/a/b", "y"}, {"/a", "x"}}), std::invalid_argument);
  CHECK_THROWS_AS(files({{"/a", "x"}, {"/a/", ""}}), std::invalid_argument);
  CHECK_THROWS_WITH(files({{"/a", "x"}, {"/a", "y"}}),
                    "tree_of: \"/a\" is there with another content");
  tree_of t = files({{"/a", "x"}});
  CHECK_THROWS_AS(t.file("/a/b/c", "y"), std::invalid_argument);
  CHECK(t == files({{"/a", "x"}}));
}

TEST_CASE("tree: what a volume refuses is said", "[testing][tree]") {
  const auto v = volume::create({.max_quota = 3, .accounting = accounting::payload}).value();
  CHECK_THROWS_WITH(testing::fill(v, files({{"/a", "1234"}})),
                    "fill: quota exceeded: write_file \"/a\": requested 4 bytes, 3 available");
  sync::file_system fs(v);
  const auto held = fs.open("/a", open_mode::write).value();
  CHECK_THROWS_AS(tree_of(v), std::runtime_error);
}

TEST_CASE("difference: what is equal has none", "[testing][tree]") {
  const tree_of t = files({{"/in/a", "x"}, {"/empty", ""}, {"/d/", ""}});
  CHECK(difference(volume_with(t), t).empty());
  CHECK(difference(volume_with({}), {}).empty());
  // In all layouts, with runs that end in different places than its own.
  const std::string large(3'000'000, 'x');
  for (const auto layout : {storage_layout::sequential, storage_layout::random_access}) {
    const volume v = volume_with(files({{"/a", large}}), layout);
    CHECK(difference(v, files({{"/a", large}})).empty());
  }
}

TEST_CASE("difference: a line for each path, in their order", "[testing][tree]") {
  const volume v = volume_with(files({{"/a", "same"}, {"/more/b", "left behind\n"}, {"/z", "1"}}));
  CHECK(difference(v, files({{"/a", "same"}, {"/less/", ""}, {"/less/c", "gone"}, {"/z", "2"}})) ==
        "- /less/\n"
        "- /less/c: 4 bytes: \"gone\"\n"
        "+ /more/\n"
        "+ /more/b: 12 bytes: \"left behind\\n\"\n"
        "~ /z: from byte 0 on \"1\" and not \"2\"\n");
  CHECK(difference(volume_with({}), files({{"/e", ""}})) == "- /e: 0 bytes\n");
}

TEST_CASE("difference: a file and a directory", "[testing][tree]") {
  CHECK(difference(volume_with(files({{"/a/", ""}})), files({{"/a", ""}})) ==
        "~ /a: is a directory, and not a file\n");
  CHECK(difference(volume_with(files({{"/a", ""}})), files({{"/a/b", ""}})) ==
        "~ /a: is a file, and not a directory\n- /a/b: 0 bytes\n");
}

TEST_CASE("difference: the first bytes that differ, in text", "[testing][tree]") {
  const auto between = [](const std::string& has, const std::string& expected) {
    return difference(volume_with(files({{"/a", has}})), files({{"/a", expected}}));
  };
  CHECK(between("hello world", "hello there") ==
        "~ /a: from byte 6 on \"world\" and not \"there\"\n");
  CHECK(between("hello", "hello there") ==
        "~ /a: 5 bytes, not 11; from byte 5 on its end and not \" there\"\n");
  CHECK(between("hello there", "hello") ==
        "~ /a: 11 bytes, not 5; from byte 5 on \" there\" and not its end\n");
  CHECK(between("", "x") == "~ /a: 0 bytes, not 1; from byte 0 on its end and not \"x\"\n");
  // A character is not cut.
  CHECK(between("\xc3\xa4", "\xc3\xb6") ==
        "~ /a: from byte 0 on \"\xc3\xa4\" and not \"\xc3\xb6\"\n");
  CHECK(between("1" + std::string(30, 'x'), "2" + std::string(30, 'y')) ==
        "~ /a: from byte 0 on \"1" + std::string(23, 'x') + "\"... and not \"2" +
            std::string(23, 'y') + "\"...\n");
}

TEST_CASE("difference: the first bytes that differ, where they are no text", "[testing][tree]") {
  const std::string zeros(1'000'000, '\0');
  const volume v = volume_with(files({{"/a", zeros + "\x01\xff"
                                                     "abc"}}));
  CHECK(difference(v, files({{"/a", zeros + "\x02\xff"
                                            "abc"}})) ==
        "~ /a: from byte 1000000 on 01 ff 61 62 63 and not 02 ff 61 62 63\n");
  // Both in one way, so that they can be compared.
  CHECK(difference(v, files({{"/a", zeros + "text!"}})) ==
        "~ /a: from byte 1000000 on 01 ff 61 62 63 and not 74 65 78 74 21\n");
  CHECK(difference(v, {}) ==
        "+ /a: 1000005 bytes: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
        "00 00 00 00 00 00 00 00...\n");
}

TEST_CASE("difference: zeros that nobody has written are as others", "[testing][tree]") {
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.open("/a", open_mode::create).value().write_at(300'000, "x").value();
  CHECK(difference(v, files({{"/a", std::string(300'000, '\0') + "x"}})).empty());
  CHECK(difference(v, files({{"/a", std::string(299'999, '\0') + "yx"}})) ==
        "~ /a: from byte 299999 on 00 78 and not 79 78\n");
}

TEST_CASE("difference: a path that could break a line is in quotes", "[testing][tree]") {
  const volume v = volume_with(files({{"/a\nb", ""}, {"/c d", ""}}));
  CHECK(difference(v, {}) == "+ \"/a\\nb\": 0 bytes\n+ \"/c d\": 0 bytes\n");
}

TEST_CASE("difference: a file that somebody writes to is not waited for", "[testing][tree]") {
  const tree_of t = files({{"/a", "x"}});
  const volume v = volume_with(t);
  sync::file_system fs(v);
  const auto held = fs.open("/a", open_mode::update, {.label = "writer"}).value();
  CHECK(difference(v, t).starts_with("~ /a: can not be read: would block"));
  CHECK(difference(v, {}).starts_with("+ /a: can not be read: would block"));
}

TEST_CASE("difference: of many lines it shows the first", "[testing][tree]") {
  tree_of t;
  for (int i = 100; i < 250; ++i) t.file('/' + std::to_string(i), "");
  const std::string text = difference(volume_with({}), t);
  CHECK(text.ends_with("- /199: 0 bytes\nand 50 paths more\n"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 101);
}

}  // namespace coramfs::tests
