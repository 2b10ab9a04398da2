// SPDX-License-Identifier: BSL-1.0
// With a standard library that has no std::format the header alone is what is tested.
#include <coramfs/format.hpp>

#include "support/catch.hpp"

#include <string>

#ifdef __cpp_lib_format

namespace coramfs::tests {

TEST_CASE("format: codes, errors and results are formatted as they are streamed",
          "[core][format]") {
  CHECK(std::format("{}", errc::not_found) == "not found");
  CHECK(std::format("{:>11}|{:<11}|", errc::not_found, error(errc::not_found)) ==
        "  not found|not found  |");
  CHECK(std::format("{}", error(errc::quota_exceeded, 3, 1)) ==
        "quota exceeded: requested 3 bytes, 1 available");
  CHECK(std::format("{} {}", result<int>(7), result<int>(errc::busy)) ==
        "7 busy: open or being opened");
  CHECK(std::format("{}", result<void>(success())) == "success");
}

}  // namespace coramfs::tests

#endif
