// SPDX-License-Identifier: BSL-1.0
// What Catch2 prints of codes, errors and results where a comparison fails.
#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"

namespace coramfs::tests {

TEST_CASE("printers: Catch2 prints an error as its message, and a result as what it holds",
          "[printers]") {
  auto fs = sync::file_system::create().value();
  const auto text = [](const auto& of) { return Catch::Detail::stringify(of); };
  CHECK(text(errc::not_found) == "not found");
  CHECK(text(fs.file_size("/a").error()) == "not found: file_size \"/a\"");
  CHECK(text(fs.file_size("/a")) == "not found: file_size \"/a\"");
  CHECK(text(fs.create_directory("/d")) == "success");
  CHECK(text(result<std::uint64_t>(7)) == "7");
  CHECK(text(fs.open("/f", open_mode::create)) == "a value");
}

}  // namespace coramfs::tests
