// SPDX-License-Identifier: BSL-1.0

// A program with a main of its own, which runs its tests twice, and a fixture that ends when all
// runs have.
#define CATCH_CONFIG_RUNNER  // for Catch2 2
#include <coramfs/testing/catch2.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

using coramfs::open_mode;
using coramfs::testing::catch2_fixture;
using coramfs::testing::fixture;

namespace {

int runs = 0;
std::vector<coramfs::sync::file> left;
std::optional<fixture> kept;

}  // namespace

TEST_CASE_METHOD(catch2_fixture, "fails in the second run") {
  fs().write_file("/a", "x").value();
  CHECK(runs == 0);
}

TEST_CASE("keeps a fixture") {
  if (!kept) kept.emplace();
  if (runs == 0) left.push_back(kept->fs().open("/a", open_mode::write).value());
}

TEST_CASE("keeps a fixture that passes") {
  if (!kept) kept.emplace();
}

TEST_CASE("keeps a fixture that fails") {
  if (!kept) kept.emplace();
  CHECK(runs == 1);
}

TEST_CASE("keeps a fixture and expects what fails", "[!shouldfail]") {
  if (!kept) kept.emplace();
  CHECK(false);
}

int main(int count, char** arguments) {
  Catch::Session session;
  int failed = session.applyCommandLine(count, arguments);
  if (failed != 0) return failed;
  // The listener of the second run can not be where that of the first was.
  std::vector<std::unique_ptr<std::byte[]>> taken;
  for (; runs < 2; ++runs) {
    failed = std::max(failed, session.run());
    for (int i = 0; i < 100; ++i)
      taken.push_back(
          std::make_unique<std::byte[]>(sizeof(coramfs::testing::detail::catch2_listener)));
  }
  return failed;
}
