// SPDX-License-Identifier: BSL-1.0
// Somebody who puts links in the place of directories and files while a tree is imported.
#include <coramfs/host.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "support/seeds.hpp"
#include "unit/integrations/host/host_calls.hpp"
#include "unit/integrations/host/import_by.hpp"
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

TEST_CASE("import_from_host: whoever swaps something for a link brings nothing into the volume",
          "[host][race]") {
  host_features features;
  features.has_openat2 = GENERATE(true, false);
  const bool is_directory = GENERATE(true, false);
  features.apply();
  const scratch s, decoy;
  std::filesystem::create_directories(s / "in/a/b/c");
  std::filesystem::create_directories(decoy / "b/c");
  for (const char* const name : {"a/1", "a/b/2", "a/b/c/3", "a/b/c/4", "file"})
    put(s / ("in/" + std::string(name)), "content");
  for (const char* const name : {"1", "b/2", "b/c/3", "b/c/4", "file"}) put(decoy / name, "decoy");

  std::atomic<bool> is_over{false};
  std::atomic<std::uint64_t> swaps{0};
  const std::string place = (s / (is_directory ? "in/a" : "in/file")).native(),
                    link = (s / "link").native();
  std::thread attacker([&] {
    std::filesystem::create_symlink(is_directory ? decoy.path() : decoy / "file", link);
    while (!is_over) {
      // What is there and the link change places, each time in one step.
      if (::renameat2(AT_FDCWD, place.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE) == 0)
        ++swaps;
    }
  });
  std::uint64_t imports = 0, refused = 0, skipped = 0, decoys = 0;
  const std::uint64_t enough = 100000 / sanitizer_slowness * rounds();
  // On a busy machine many swaps may pass before an import meets one.
  while (swaps < enough || ((refused == 0 || skipped == 0) && swaps < 1000 * enough)) {
    host_options options;
    options.special = imports++ % 2 == 0 ? host_links::refuse : host_links::skip;
    const auto v = volume::create().value();
    sync::file_system fs(v);
    const auto made = import_from_host(fs, s / "in", "/", options);
    if (!made) {
      ++refused;
      CHECK(made.error() == errc::not_supported);
      CHECK(v.stats().used_bytes == 0);
      continue;
    }
    if (made.value() != 5) ++skipped;
    for (const auto& [name, content] : tree_in(v))
      if (name.back() != '/' && content != "content") ++decoys;
  }
  is_over = true;
  attacker.join();
  CHECK(decoys == 0);
  CHECK(refused > 0);
  CHECK(skipped > 0);
}

}  // namespace coramfs::tests
