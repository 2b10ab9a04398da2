// SPDX-License-Identifier: BSL-1.0

// A second file of the program, which Catch2 3 registers a listener in, too, and Catch2 2 none.
#include <coramfs/testing/catch2.hpp>

TEST_CASE_METHOD(coramfs::testing::catch2_fixture, "fails in another file") {
  fs().write_file("/a", "x").value();
  CHECK(vol().stats().file_count == 2);
}
