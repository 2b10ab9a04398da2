// SPDX-License-Identifier: BSL-1.0

// Tests with Catch2, of which one fails. Catch2 2 has its main here, and Catch2 3 in its library.
#define CATCH_CONFIG_MAIN
#include <coramfs/testing/catch2.hpp>

using coramfs::testing::has_tree;

TEST_CASE_METHOD(coramfs::testing::catch2_fixture, "upload: it leaves one file") {
  fs().write_file("/a", "x").value();
  CHECK_THAT(vol(), has_tree({{"/a", "x"}}));
}

TEST_CASE_METHOD(coramfs::testing::catch2_fixture, "upload: it is broken", "[.][broken]") {
  fs().write_file("/a", "x").value();
  CHECK(vol().stats().file_count == 2);
}
