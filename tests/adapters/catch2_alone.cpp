// SPDX-License-Identifier: BSL-1.0

// With Catch2 2 and no listener: the fixture says what to do.
#include <coramfs/testing/catch2.hpp>

TEST_CASE_METHOD(coramfs::testing::catch2_fixture, "has no listener") { SUCCEED(); }
