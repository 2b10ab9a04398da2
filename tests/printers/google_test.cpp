// SPDX-License-Identifier: BSL-1.0
// What GoogleTest prints of codes, errors and results where a comparison fails.
#include <coramfs/sync/file_system.hpp>

#include <gtest/gtest.h>

#include <string>

namespace coramfs::tests {

namespace {

using testing::PrintToString;

TEST(printers, an_error_is_printed_as_its_message) {
  auto fs = sync::file_system::create().value();
  EXPECT_EQ(PrintToString(errc::not_found), "not found");
  EXPECT_EQ(PrintToString(fs.file_size("/a").error()), "not found: file_size \"/a\"");
}

TEST(printers, a_result_is_printed_as_what_it_holds) {
  auto fs = sync::file_system::create().value();
  EXPECT_EQ(PrintToString(fs.file_size("/a")), "not found: file_size \"/a\"");
  EXPECT_EQ(PrintToString(fs.create_directory("/d")), "success");
  EXPECT_EQ(PrintToString(result<std::uint64_t>(7)), "7");
  EXPECT_EQ(PrintToString(fs.open("/f", open_mode::create)), "a value");
}

TEST(printers, a_failed_comparison_says_what_there_was) {
  auto fs = sync::file_system::create().value();
  const error e = fs.remove("/a").error();
  const auto compared = testing::internal::EqHelper::Compare("e", "errc::busy", e, errc::busy);
  EXPECT_FALSE(compared);
  EXPECT_NE(std::string(compared.message()).find("not found: remove \"/a\""), std::string::npos);
}

}  // namespace

}  // namespace coramfs::tests
