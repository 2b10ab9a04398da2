// SPDX-License-Identifier: BSL-1.0

// Tests with GoogleTest, of which most fail: check_adapters.py runs them one by one and looks at
// what they say and leave.
#include <coramfs/testing/gtest.hpp>

#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <vector>

using coramfs::open_mode;
using coramfs::testing::files;
using coramfs::testing::fixture;
using upload = coramfs::testing::gtest_fixture;

TEST_F(upload, passes) {
  fs().write_file("/a", "x").value();
  EXPECT_TREE(vol(), files({{"/a", "x"}}));
  ASSERT_TREE(vol(), files({{"/a", "x"}}));
}

TEST_F(upload, goes_on_after_an_expectation) {
  fs().write_file("/before", "x").value();
  EXPECT_EQ(vol().stats().file_count, 2U);
  fs().write_file("/after", "y").value();
}

TEST_F(upload, ends_by_an_assertion) {
  fs().write_file("/before", "x").value();
  ASSERT_EQ(vol().stats().file_count, 2U);
  fs().write_file("/after", "y").value();
}

TEST_F(upload, ends_by_an_exception) {
  fs().write_file("/before", "x").value();
  throw std::runtime_error("on purpose");
}

TEST_F(upload, has_another_tree) {
  fs().write_file("/a", "one").value();
  EXPECT_TREE(vol(), files({{"/a", "two"}, {"/b/", ""}}));
  ASSERT_TREE(vol(), files({}));
  fs().write_file("/after", "y").value();
}

namespace {

/// Outlives the fixture, as what a test has put somewhere.
std::vector<coramfs::sync::file> left;

}  // namespace

TEST_F(upload, leaves_a_handle) {
  left.push_back(fs().open("/a", open_mode::write, {.label = "uploader"}).value());
}

TEST_F(upload, dies) {
  fs().write_file("/a", "x").value();
  EXPECT_DEATH(
      {
        fixture t;
        t.fs().write_file("/b", "x").value();
        t.failed();
        { const fixture ends(coramfs::testing::small(), {.name = "ends"}); }
        t.~fixture();
        std::abort();
      },
      "");
}

TEST_F(upload, is_skipped) {
  fs().write_file("/a", "x").value();
  GTEST_SKIP();
}

TEST(without_a_fixture, fails_before_and_after) {
  EXPECT_TRUE(false);
  { fixture t(coramfs::testing::small(), {.name = "passes"}); }
  {
    fixture t(coramfs::testing::small(), {.name = "fails"});
    EXPECT_TRUE(false);
  }
}

TEST(without_a_fixture, is_quiet) {
  using namespace coramfs::testing::detail;
  ASSERT_TRUE(can_quiet_failures());
  const unsigned long before = failure_count();
  {
    const quiet_failures quiet;
    fixture t;
    EXPECT_TRUE(false);
    left.push_back(t.fs().open("/a", open_mode::write).value());
  }
  {
    const quiet_failures quiet;
    const fixture t;
    left.push_back(fixture().fs().open("/a", open_mode::write).value());
  }
  ASSERT_EQ(failure_count(), before + 2);
  ASSERT_FALSE(HasFailure());
}

/// With one volume for all its tests.
class whole_suite : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { shared = std::make_unique<fixture>(); }
  static void TearDownTestSuite() { shared.reset(); }
  static inline std::unique_ptr<fixture> shared;
};
TEST_F(whole_suite, passes) { EXPECT_TRUE(true); }
TEST_F(whole_suite, fails) {
  shared->fs().write_file("/a", "x").value();
  EXPECT_TRUE(false);
}
TEST_F(whole_suite, passes_then) { EXPECT_TRUE(true); }

struct of_a_type : upload, ::testing::WithParamInterface<int> {};
TEST_P(of_a_type, fails) { EXPECT_EQ(GetParam(), 0); }
INSTANTIATE_TEST_SUITE_P(all, of_a_type, ::testing::Values(1));
