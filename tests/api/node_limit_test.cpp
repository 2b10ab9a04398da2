// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

namespace coramfs::tests {

TEST_CASE("node limit: the root counts, so three allow two files", "[api][nodes]") {
  const scenario fs({.max_nodes = 3});
  fs->write_file("/a", "").value();
  fs->open("/b", open_mode::create).value();
  const auto text = [](const std::string& call) {
    return "node limit exceeded: " + call + " \"/c\": requested 1 nodes, 0 available";
  };
  CHECK(fs.refusal([&] { return fs->write_file("/c", ""); }).message() == text("write_file"));
  CHECK(fs.refusal([&] { return fs->create_directory("/c"); }).message() ==
        text("create_directory"));
  CHECK(fs.refusal([&] { return fs->create_directories("/c"); }).message() ==
        text("create_directories"));
  for (const open_mode mode : {open_mode::write, open_mode::append, open_mode::create})
    CHECK(fs.refusal([&] { return fs->open("/c", mode); }).message() == text("open"));
}

TEST_CASE("node limit: zero is too few for the root", "[api][nodes][volume]") {
  for (const facade_kind facade : {facade_kind::coroutines, facade_kind::threads}) {
    const error e = error_of(create_file_system(facade, {.max_nodes = 0}));
    CHECK(e == errc::node_limit_exceeded);
    CHECK(e.requested() == 1);
    CHECK(e.available() == 0);
  }
  // Option values first, the guard last.
  CHECK(error_of(volume::create({.max_nodes = 0, .default_storage = storage_layout{9}})) ==
        errc::invalid_argument);
  memory_guard_options none_left{.mode = guard_mode::init, .action = guard_action::reject};
  none_left.available_memory = [] { return std::optional<std::uint64_t>(0); };
  CHECK(error_of(volume::create({.max_nodes = 0, .memory_guard = none_left})) ==
        errc::node_limit_exceeded);
}

TEST_CASE("node limit: with one nothing can be made", "[api][nodes]") {
  const scenario fs({.max_nodes = 1});
  const error e = fs.refusal([&] { return fs->write_file("/a", ""); });
  CHECK(e == errc::node_limit_exceeded);
  CHECK(e.requested() == 1);
  CHECK(e.available() == 0);
  CHECK(fs->is_directory("/").value());
}

TEST_CASE("node limit: rewriting needs no node, removal frees nodes", "[api][nodes]") {
  const scenario fs({.max_nodes = 3});
  fs->create_directory("/d").value();
  fs->write_file("/d/a", "abc").value();
  fs->write_file("/d/a", "longer than before").value();
  fs.fill("/d/a", open_mode::write, "abc");
  fs.fill("/d/a", open_mode::append, "def");
  CHECK(!fs->create_directories("/d").value());
  CHECK(error_of(fs->write_file("/b", "")) == errc::node_limit_exceeded);
  fs->remove("/d/a").value();
  fs->write_file("/b", "").value();
  fs->remove_tree("/d").value();
  fs->create_directory("/e").value();
}

TEST_CASE("node limit: create_directories makes all or none", "[api][nodes]") {
  const scenario fs({.max_nodes = 4});
  fs->create_directory("/a").value();
  const error e = fs.refusal([&] { return fs->create_directories("/a/b/c/d"); });
  CHECK(e.message() ==
        "node limit exceeded: create_directories \"/a/b/c/d\": requested 3 nodes, 2 available");
  CHECK(fs->list("/a").value().empty());
  CHECK(fs->create_directories("/a/b/c").value());
}

TEST_CASE("node limit: create_directories makes all or none by bytes too", "[api][nodes][quota]") {
  const scenario fs(accounting::memory, {.max_quota = 3000});
  std::string deep;
  for (int i = 0; i < 20; ++i) deep += "/" + std::string(200, 'd');
  CHECK(fs.refusal([&] { return fs->create_directories(deep); }) == errc::quota_exceeded);
  CHECK(fs->list("/").value().empty());
}

TEST_CASE("node limit: a refused open keeps no node", "[api][nodes]") {
  const scenario fs({.max_quota = 4000, .max_nodes = 2});
  for (int i = 0; i < 3; ++i)
    CHECK(fs.refusal([&] { return fs->open("/a", open_mode::create, {.preallocate = 4001}); }) ==
          errc::quota_exceeded);
  fs->write_file("/a", "").value();
}

}  // namespace coramfs::tests
