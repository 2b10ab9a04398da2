// SPDX-License-Identifier: BSL-1.0

// Tests with GoogleTest, of which one fails.
#include <coramfs/testing/gtest.hpp>

using upload = coramfs::testing::gtest_fixture;

TEST_F(upload, leaves_one_file) {
  fs().write_file("/a", "x").value();
  EXPECT_TREE(vol(), coramfs::testing::files({{"/a", "x"}}));
}

TEST_F(upload, DISABLED_is_broken) {
  fs().write_file("/a", "x").value();
  EXPECT_EQ(vol().stats().file_count, 2U);
}
