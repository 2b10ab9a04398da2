// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"

namespace coramfs::tests {

TEST_CASE("busy: a file open in any mode can not be removed", "[api][busy]") {
  const scenario fs;
  for (const open_mode mode :
       {open_mode::write, open_mode::append, open_mode::update, open_mode::read}) {
    INFO(static_cast<int>(mode));
    fs->write_file("/a", "abc").value();
    const auto f = fs->open("/a", mode).value();
    CHECK(fs.refusal([&] { return fs->remove("/a"); }) == errc::busy);
    f->close().value();
    fs->remove("/a").value();
    CHECK(!fs->exists("/a").value());
  }
}

TEST_CASE("busy: a directory is while a file anywhere below it is open", "[api][busy]") {
  const scenario fs;
  fs->create_directories("/d/e/f").value();
  fs->create_directory("/d/g").value();
  fs->write_file("/d/g/a", "abc").value();
  const auto f = fs->open("/d/e/f/a", open_mode::create).value();
  for (const char* above : {"/d", "/d/e", "/d/e/f"}) {
    INFO(above);
    CHECK(fs.refusal([&] { return fs->remove_tree(above); }) == errc::busy);
  }
  fs->remove_tree("/d/g").value();
  f->close().value();
  fs->remove_tree("/d").value();
}

TEST_CASE("busy: it lasts until the last handle is closed", "[api][busy]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  const auto first = fs->open("/a", open_mode::read).value();
  const auto second = fs->open("/a", open_mode::read).value();
  first->close().value();
  CHECK(fs.refusal([&] { return fs->remove("/a"); }) == errc::busy);
  second->close().value();
  fs->remove("/a").value();
}

TEST_CASE("busy: a directory with open files in it can be listed, filled and changed otherwise",
          "[api][busy]") {
  const scenario fs;
  fs->create_directory("/d").value();
  fs->write_file("/d/other", "x").value();
  const auto f = fs->open("/d/a", open_mode::create).value();
  CHECK(fs->list("/d").value() == std::vector<std::string>{"a", "other"});
  fs->write_file("/d/new", "x").value();
  fs->create_directory("/d/sub").value();
  fs->remove("/d/other").value();
  fs->remove_tree("/d/sub").value();
  CHECK(fs->list("/d").value() == std::vector<std::string>{"a", "new"});
}

TEST_CASE(
    "busy: a directory is not when paths have just led through it, and its old path leads "
    "nowhere",
    "[api][busy]") {
  const scenario fs;
  fs->create_directories("/d/e/f").value();
  fs->create_directory("/d/empty").value();
  fs->write_file("/d/e/f/a", "abc").value();
  CHECK(!fs->exists("/d/empty/a").value());
  fs->rename("/d/e", "/d/empty", if_exists::replace).value();
  CHECK(error_of(fs->read_file("/d/e/f/a", {})) == errc::not_found);
  CHECK(fs->file_size("/d/empty/f/a").value() == 3);
  fs->create_directories("/d/e/f").value();
  fs->write_file("/d/e/f/a", "other").value();
  CHECK(fs->file_size("/d/e/f/a").value() == 5);
  fs->remove_tree("/d/empty").value();
  CHECK(!fs->exists("/d/empty/f/a").value());
  CHECK(fs->file_size("/d/e/f/a").value() == 5);
  fs->move("/d/e", "/m/e").value();
  CHECK(fs->file_size("/m/e/f/a").value() == 5);
  CHECK(error_of(fs->open("/d/e/f/b", open_mode::create)) == errc::not_found);
}

TEST_CASE("busy: a refused open leaves nothing busy", "[api][busy]") {
  const scenario fs({.max_quota = 5000});
  fs->write_file("/a", "abc").value();
  CHECK(error_of(fs->open("/a", open_mode::write, {.preallocate = 5001})) == errc::quota_exceeded);
  {
    const auto f = fs->open("/a", open_mode::read).value();
    CHECK(error_of(fs->open("/a", open_mode::write, {.timeout = lock_timeout::immediate()})) ==
          errc::would_block);
  }
  CHECK(error_of(fs->read_file("/a", 2)) == errc::too_large);
  fs->remove("/a").value();
}

}  // namespace coramfs::tests
