// SPDX-License-Identifier: BSL-1.0
// Exports and imports where paths are as long as they may be.
#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <string>

namespace coramfs::tests {

namespace {

// A directory whose path has 3,840 bytes; with a name of 255 bytes more it is 4,096.
std::string deep_directory() {
  std::string path;
  for (int i = 0; i < 15; ++i) path += "/" + std::string(255, 'n');
  return path;
}

const std::string longest = deep_directory() + "/" + std::string(255, 'f');

sync::file_system with_longest_path() {
  auto fs = sync::file_system::create().value();
  fs.create_directories(deep_directory()).value();
  fs.write_file(longest, asio::buffer("content", 7)).value();
  return fs;
}

}  // namespace

TEST_CASE("limits: a path of 4,096 bytes is exported, and imported into an empty volume",
          "[scale][limits]") {
  REQUIRE(longest.size() == 4096);
  const auto files = with_longest_path().export_tree().value();
  auto to = sync::file_system::create().value();
  to.import_tree(files).value();
  CHECK((to.export_tree().value() == files));
  CHECK(text_of(to.read_file(longest).value()) == "content");
}

TEST_CASE("limits: a path of 4,097 bytes, which a rename made, is exported and not imported",
          "[scale][limits]") {
  auto from = with_longest_path();
  const std::string first = "/" + std::string(255, 'n');
  from.create_directory("/m").value();
  from.rename(first, "/m" + first).value();
  const auto files = from.export_tree().value();
  REQUIRE(files.size() == 1);
  CHECK((files.begin()->first == "/m" + longest));
  CHECK(text_of(files.begin()->second) == "content");

  auto to = sync::file_system::create().value();
  CHECK(error_of(to.import_tree(files)) == errc::name_too_long);
  CHECK(to.list("/").value().empty());
  CHECK(to.stats().value().used_bytes == 0);
}

TEST_CASE("limits: a tree that grows beyond them by a copy keeps all its files",
          "[scale][limits]") {
  auto fs = with_longest_path();
  fs.create_directory("/m").value();
  fs.copy_tree("/" + std::string(255, 'n'), "/m/" + std::string(255, 'n')).value();
  const auto files = fs.export_tree("/m").value();
  REQUIRE(files.size() == 1);
  CHECK((files.begin()->first == "/m" + longest));
  CHECK(fs.stats().value().file_count == 2);
}

}  // namespace coramfs::tests
