// SPDX-License-Identifier: BSL-1.0
// Trees far deeper than a path can name. Everything runs on a small stack.
#include <coramfs/sync/file_system.hpp>

#include "scale/small_stack.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <vector>

namespace coramfs::tests {

namespace {

constexpr std::size_t many_levels = 100'000;
// Those that are found by their paths: the time grows with the square of the depth.
constexpr std::size_t named_levels = 20'000;
// The paths that a walk gives grow with the square of the depth: of 100,000 levels they are 10 GB.
// CORAMFS_WALKED_LEVELS has it go as deep as there is memory for.
std::size_t walked_levels() {
  const char* const chosen = std::getenv("CORAMFS_WALKED_LEVELS");
  return chosen != nullptr ? std::stoul(chosen) : 10'000;
}
// As many levels as a path can name, but for a few.
constexpr std::size_t levels_at_once = 2040;

std::string levels(std::size_t n) {
  std::string path;
  path.reserve(2 * n);
  for (std::size_t i = 0; i < n; ++i) path += "/d";
  return path;
}

/// A file at `/d/d/.../leaf`, below `depth` directories: a path can not name it, so what is there
/// already is moved below a new run of levels, until there are enough.
void build_deep_tree(sync::file_system& fs, std::size_t depth) {
  fs.create_directory("/d").value();
  fs.write_file("/d/leaf", asio::buffer("content", 7)).value();
  for (std::size_t built = 1; built < depth;) {
    const std::size_t more = std::min(levels_at_once, depth - built);
    const std::string above = "/new" + levels(more - 1);
    fs.create_directories(above).value();
    fs.rename("/d", above + "/d").value();
    fs.rename("/new", "/d").value();
    built += more;
  }
}

sync::file_system deep_file_system(std::size_t depth) {
  auto fs = sync::file_system::create().value();
  build_deep_tree(fs, depth);
  return fs;
}

std::string leaf_below(std::size_t depth) { return levels(depth) + "/leaf"; }

}  // namespace

TEST_CASE("deep: 100,000 levels are built by renames, and removed at once", "[scale][deep]") {
  volume_stats built{}, removed{};
  on_small_stack([&] {
    auto fs = deep_file_system(many_levels);
    built = fs.stats().value();
    fs.remove_tree("/d").value();
    removed = fs.stats().value();
  });
  CHECK(built.directory_count == many_levels + 1);
  CHECK(built.file_count == 1);
  CHECK(removed.directory_count == 1);
  CHECK(removed.file_count == 0);
  CHECK(removed.used_bytes == 0);
}

TEST_CASE("deep: a volume with 100,000 levels is destroyed", "[scale][deep]") {
  bool destroyed = false;
  on_small_stack([&] {
    { const auto fs = deep_file_system(many_levels); }
    destroyed = true;
  });
  CHECK(destroyed);
}

TEST_CASE("deep: 20,000 levels are globbed and exported", "[scale][deep]") {
  std::vector<std::string> globbed;
  file_map exported;
  on_small_stack([&] {
    auto fs = deep_file_system(named_levels);
    globbed = fs.glob("/**/le?f").value();
    exported = fs.export_tree().value();
  });
  REQUIRE(globbed.size() == 1);
  CHECK((globbed.front() == leaf_below(named_levels)));
  REQUIRE(exported.size() == 1);
  CHECK((exported.begin()->first == leaf_below(named_levels)));
  CHECK(text_of(exported.begin()->second) == "content");
}

TEST_CASE("deep: 100,000 levels are copied", "[scale][deep]") {
  volume_stats before{}, after{};
  on_small_stack([&] {
    auto fs = deep_file_system(many_levels);
    before = fs.stats().value();
    fs.copy_tree("/d", "/copy").value();
    after = fs.stats().value();
  });
  CHECK(after.directory_count == 2 * many_levels + 1);
  CHECK(after.file_count == 2);
  // The two differ by their own names, which are both short.
  CHECK(after.used_bytes == 2 * before.used_bytes);
}

TEST_CASE("deep: a copy of 20,000 levels has what is below them", "[scale][deep]") {
  file_map exported;
  on_small_stack([&] {
    auto fs = deep_file_system(named_levels);
    fs.copy_tree("/d", "/copy").value();
    fs.remove_tree("/d").value();
    exported = fs.export_tree().value();
  });
  REQUIRE(exported.size() == 1);
  CHECK((exported.begin()->first == "/copy" + leaf_below(named_levels - 1)));
  CHECK(text_of(exported.begin()->second) == "content");
}

TEST_CASE("deep: a walk gives each level once, from the top down", "[scale][deep]") {
  const std::size_t deepest = walked_levels();
  std::vector<walk_entry> walked;
  on_small_stack([&] { walked = deep_file_system(deepest).walk().value(); });
  REQUIRE(walked.size() == deepest + 1);
  CHECK(walked.front().path == "/");
  for (std::size_t depth = 1; depth < deepest; ++depth) {
    REQUIRE(walked[depth].path.size() == 2 * depth);
    REQUIRE(walked[depth].directories == std::vector<std::string>{"d"});
    REQUIRE(walked[depth].files.empty());
  }
  CHECK((walked.back().path == levels(deepest)));
  CHECK(walked.back().directories.empty());
  CHECK(walked.back().files == std::vector<std::string>{"leaf"});
}

TEST_CASE("deep: what no path can name is reached when a part is renamed upwards",
          "[scale][deep]") {
  std::string content;
  on_small_stack([&] {
    constexpr std::size_t depth = 3 * levels_at_once;
    auto fs = deep_file_system(depth);
    for (std::size_t left = depth; left > levels_at_once; left -= levels_at_once) {
      fs.rename("/d" + levels(levels_at_once), "/part").value();
      fs.remove_tree("/d").value();
      fs.rename("/part", "/d").value();
    }
    content = text_of(fs.read_file("/d" + levels(levels_at_once - 1) + "/leaf").value());
  });
  CHECK(content == "content");
}

}  // namespace coramfs::tests
