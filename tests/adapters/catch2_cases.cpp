// SPDX-License-Identifier: BSL-1.0

// Tests with Catch2, of which most fail: check_adapters.py runs them one by one and looks at what
// they say and leave.
#define CORAMFS_CATCH2_LISTENER
#include <coramfs/testing/catch2.hpp>

#include <stdexcept>
#include <vector>

using coramfs::open_mode;
using coramfs::testing::catch2_fixture;
using coramfs::testing::difference;
using coramfs::testing::files;
using coramfs::testing::fixture;
using coramfs::testing::has_tree;

TEST_CASE_METHOD(catch2_fixture, "passes") {
  fs().write_file("/a", "x").value();
  CHECK_THAT(vol(), has_tree({{"/a", "x"}}));
  CHECK_THAT(vol(), has_tree(files({{"/a", "x"}})));
  CHECK_THAT(vol(), !has_tree({}));
}

TEST_CASE_METHOD(catch2_fixture, "goes on after a check") {
  fs().write_file("/before", "x").value();
  CHECK(vol().stats().file_count == 2);
  fs().write_file("/after", "y").value();
}

TEST_CASE_METHOD(catch2_fixture, "ends by a requirement") {
  fs().write_file("/before", "x").value();
  REQUIRE(vol().stats().file_count == 2);
  fs().write_file("/after", "y").value();
}

TEST_CASE("ends by an exception") {
  fixture t;
  t.fs().write_file("/before", "x").value();
  throw std::runtime_error("on purpose");
}

TEST_CASE_METHOD(catch2_fixture, "has another tree") {
  fs().write_file("/a", "one").value();
  CHECK_THAT(vol(), has_tree({{"/a", "two"}, {"/b/", ""}}));
}

namespace {

/// Outlives the fixture, as what a test has put somewhere.
std::vector<coramfs::sync::file> left;

}  // namespace

TEST_CASE_METHOD(catch2_fixture, "leaves a handle") {
  left.push_back(fs().open("/a", open_mode::write, {.label = "uploader"}).value());
}

TEST_CASE_METHOD(catch2_fixture, "expects what fails", "[!shouldfail]") {
  fs().write_file("/a", "x").value();
  CHECK(vol().stats().file_count == 2);
}

TEST_CASE_METHOD(catch2_fixture, "checks what may fail") {
  CHECK_NOFAIL(vol().stats().file_count == 2);
  CHECK_THROWS(throw std::runtime_error("on purpose"));
}

TEST_CASE_METHOD(catch2_fixture, "has sections") {
  CHECK(vol().stats().file_count == 0);
  fs().write_file("/before", "x").value();
  SECTION("one") {
    fs().write_file("/one", "x").value();
    SECTION("passes") { CHECK(vol().stats().file_count == 2); }
    SECTION("fails") {
      fs().write_file("/fails", "x").value();
      CHECK(vol().stats().file_count == 0);
    }
  }
  SECTION("two: ends") {
    fs().write_file("/two", "x").value();
    REQUIRE(vol().stats().file_count == 0);
  }
  SECTION("three") { CHECK(vol().stats().file_count == 1); }
}

TEST_CASE("fails before and after") {
  CHECK(difference(fixture(coramfs::testing::small(), {.name = "early"}).vol(), {}).empty());
  CHECK(false);
  { fixture t(coramfs::testing::small(), {.name = "passes"}); }
  {
    fixture t(coramfs::testing::small(), {.name = "fails"});
    CHECK(false);
  }
}

TEST_CASE_METHOD(catch2_fixture, "has values") {
  fs().write_file(GENERATE("/a", "/b", "/c"), "x").value();
  CHECK(fs().exists("/b").value());
}

#if CORAMFS_CATCH2_GENERATION >= 3 && CATCH_VERSION_MINOR >= 3
TEST_CASE_METHOD(catch2_fixture, "is skipped") {
  fs().write_file("/a", "x").value();
  SKIP("on purpose");
}

TEST_CASE_METHOD(catch2_fixture, "fails and is skipped") {
  fs().write_file("/a", "x").value();
  CHECK(false);
  SKIP("on purpose");
}
#endif
