// SPDX-License-Identifier: BSL-1.0
#include "shared/size.hpp"

#include "support/catch.hpp"

#include <cstdint>
#include <limits>
#include <string>

using namespace shared;

TEST_CASE("size: with a unit or without one, however that is written", "[examples][size]") {
  constexpr std::uint64_t kib = 1024, mib = 1024 * kib, gib = 1024 * mib;
  CHECK(parse_size("0") == 0);
  CHECK(parse_size("4096") == 4096);
  CHECK(parse_size("7B") == 7);
  for (const char* text : {"64K", "64k", "64KB", "64kb", "64KiB", "64kib", "64 K", "64 KiB"})
    CHECK(parse_size(text) == 64 * kib);
  CHECK(parse_size("1M") == mib);
  CHECK(parse_size("1MiB") == mib);
  CHECK(parse_size("2G") == 2 * gib);
  CHECK(parse_size("3T") == 3 * 1024 * gib);
  CHECK(parse_size("1P") == 1024 * 1024 * gib);
  CHECK(parse_size("1E") == 1024 * 1024 * 1024 * gib);
}

TEST_CASE("size: a fraction of a unit", "[examples][size]") {
  CHECK(parse_size("1.5G") == std::uint64_t{1536} * 1024 * 1024);
  CHECK(parse_size("0.25MiB") == 256 * 1024);
  CHECK(parse_size("0.1K") == 102);
  CHECK(parse_size("1.0000000000000000000000K") == 1024);
  CHECK(parse_size("15.99999999999999999999999E") == std::numeric_limits<std::uint64_t>::max());
}

TEST_CASE("size: what is none", "[examples][size]") {
  for (const char* text :
       {"",    "K",    "B",    "-1",  "+1",  "1X",  "1KX",  "1Mi", "1.5", "1.K",
        ".5K", "1,5G", "1  K", " 1K", "1K ", "1e3", "0x10", "1KK", "1iB", "1..5K"})
    CHECK_FALSE(parse_size(text).has_value());
}

TEST_CASE("size: what is beyond 64 bits", "[examples][size]") {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  CHECK(parse_size(std::to_string(most)) == most);
  CHECK_FALSE(parse_size("18446744073709551616").has_value());
  CHECK_FALSE(parse_size("16E").has_value());
  CHECK_FALSE(parse_size("17179869184G").has_value());
  CHECK(parse_size("17179869183G") == most - (std::uint64_t{1} << 30) + 1);
}
