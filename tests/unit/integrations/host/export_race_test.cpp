// SPDX-License-Identifier: BSL-1.0
// Somebody who puts links in the place of directories while trees are exported.
#include <coramfs/host.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "support/seeds.hpp"
#include "unit/integrations/host/host_calls.hpp"
#include "unit/integrations/host/scratch.hpp"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

namespace coramfs::tests {

namespace {

std::uint64_t rounds() {
  const char* const text = std::getenv("CORAMFS_ROUNDS");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 1;
}

}  // namespace

TEST_CASE("export_to_host: whoever swaps a directory for a link leads nothing out of the tree",
          "[host][race]") {
  host_features features;
  features.has_openat2 = GENERATE(true, false);
  features.has_unnamed_files = GENERATE(true, false);
  features.apply();
  const scratch s, decoy;
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.create_directories("/a/b/c").value();
  for (const char* const name : {"/a/1", "/a/b/2", "/a/b/c/3", "/4"})
    fs.write_text(name, "content").value();
  std::filesystem::create_directories(decoy / "b/c");
  std::filesystem::create_directories(s / "out/a");

  std::atomic<bool> is_over{false};
  std::atomic<std::uint64_t> swaps{0};
  const std::string place = (s / "out/a").native(), aside = (s / "aside").native(),
                    link = (s / "link").native();
  std::thread attacker([&] {
    std::filesystem::create_directory_symlink(decoy.path(), link);
    while (!is_over) {
      // The directory and the link change places, each time in one step.
      if (::renameat2(AT_FDCWD, place.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE) == 0)
        ++swaps;
    }
  });
  host_options options;
  options.existing = if_exists::replace;
  std::uint64_t whole = 0, refused = 0, skipped = 0;
  const std::uint64_t enough = 100000 / sanitizer_slowness * rounds();
  // On a busy machine many swaps may pass before an export meets one.
  while (swaps < enough || (refused == 0 && swaps < 1000 * enough)) {
    options.special = whole % 2 == 0 ? host_links::refuse : host_links::skip;
    const auto made = export_to_host(fs, "/", s / "out", options);
    if (!made) {
      ++refused;
    } else {
      ++(made.value() == 4 ? whole : skipped);
    }
    if (!made) CHECK(made.error() == errc::not_supported);
  }
  is_over = true;
  attacker.join();
  CHECK(refused > 0);
  CHECK(tree_of(decoy.path()) == std::map<std::string, std::string>{{"b/", ""}, {"b/c/", ""}});
}

}  // namespace coramfs::tests
