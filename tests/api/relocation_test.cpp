// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"
#include "support/node_clock.hpp"

#include <string>

namespace coramfs::tests {

using namespace std::string_literals;

namespace {

void make_tree(const scenario& fs) {
  fs->create_directories("/a/b/c").value();
  fs->create_directory("/empty").value();
  fs->write_file("/a/f", "content").value();
  fs->write_file("/a/b/g", "other").value();
}

}  // namespace

TEST_CASE("rename: a file gets another name, and keeps all that it is", "[api][rename]") {
  const scenario fs;
  make_tree(fs);
  const file_status before = fs->stat("/a/f").value();
  fs->rename("/a/f", "/a/f2").value();
  CHECK_FALSE(fs->exists("/a/f").value());
  CHECK(fs->read_file("/a/f2").value() == "content");
  const file_status after = fs->stat("/a/f2").value();
  CHECK(after.created_at == before.created_at);
  CHECK(after.modified_at == before.modified_at);
  CHECK(after.generation == before.generation);
}

TEST_CASE("rename: a directory goes with all below it, and its charge with it", "[api][rename]") {
  const scenario fs;
  make_tree(fs);
  const std::uint64_t used = fs.used();
  fs->rename("/a/b", "/empty/b").value();
  CHECK(fs->read_file("/empty/b/g").value() == "other");
  CHECK(fs->is_directory("/empty/b/c").value());
  CHECK(fs->list("/a").value() == std::vector<std::string>{"f"});
  fs->rename("/empty/b", "/a/b").value();
  CHECK(fs.used() == used);
}

TEST_CASE("rename: both parents are changed by it, and nothing else", "[api][rename][times]") {
  const scenario fs;
  make_tree(fs);
  const auto moved = fs->stat("/a/b").value().modified_at;
  const auto from = fs->stat("/a").value().modified_at;
  const auto to = fs->stat("/empty").value().modified_at;
  tick();
  fs->rename("/a/b", "/empty/x").value();
  CHECK(fs->stat("/empty/x").value().modified_at == moved);
  CHECK(fs->stat("/a").value().modified_at > from);
  CHECK(fs->stat("/empty").value().modified_at > to);
}

TEST_CASE("rename: what can not be is refused, and changes nothing", "[api][rename][errors]") {
  const scenario fs;
  make_tree(fs);
  const auto replace = if_exists::replace;
  const auto refused = [&](std::string_view from, std::string_view to,
                           if_exists e = if_exists::fail) {
    return fs.refusal([&] { return fs->rename(from, to, e); });
  };
  CHECK(refused("/", "/x") == errc::invalid_argument);
  CHECK(refused("/gone", "/\0x"s) == errc::invalid_path);
  CHECK(refused("/gone", "/gone/x") == errc::not_found);
  CHECK(refused("/a", "/a/b/x") == errc::invalid_argument);
  CHECK(refused("/a/f", "/a/f/x") == errc::invalid_argument);
  CHECK(refused("/a/f", "/gone/x") == errc::not_found);
  CHECK(refused("/a/b", "/a/f/x") == errc::not_a_directory);
  CHECK(refused("/a/f", "/a/f") == errc::already_exists);
  CHECK(refused("/a/f", "/a/b/g") == errc::already_exists);
  CHECK(refused("/a/f", "/") == errc::already_exists);
  CHECK(refused("/a/f", "/a/b", replace) == errc::is_a_directory);
  CHECK(refused("/a/b", "/a/f", replace) == errc::not_a_directory);
  CHECK(refused("/empty", "/a", replace) == errc::directory_not_empty);
  CHECK(refused("/a/b", "/a", replace) == errc::directory_not_empty);
  CHECK(refused("/a/b", "/", replace) == errc::directory_not_empty);
  CHECK(refused("/a/f", "/x", static_cast<if_exists>(7)) == errc::invalid_argument);
}

TEST_CASE("rename: it replaces a file by a file, and an empty directory by a directory",
          "[api][rename]") {
  const scenario fs;
  make_tree(fs);
  fs->rename("/a/f", "/a/b/g", if_exists::replace).value();
  CHECK(fs->read_file("/a/b/g").value() == "content");
  fs->rename("/a/b", "/empty", if_exists::replace).value();
  CHECK(fs->list("/").value() == std::vector<std::string>{"a", "empty"});
  CHECK(fs->list("/empty").value() == std::vector<std::string>{"c", "g"});
  CHECK(fs.stats().file_count == 1);
  CHECK(fs.stats().directory_count == 4);
}

TEST_CASE("rename: onto itself with replace it succeeds and changes nothing", "[api][rename]") {
  const scenario fs;
  make_tree(fs);
  const auto open = fs->open("/a/f", open_mode::read).value();
  const std::string before = fs.picture();
  fs->rename("/a/f", "/a/./f", if_exists::replace).value();
  fs->rename("/a", "/a", if_exists::replace).value();
  CHECK(fs.picture() == before);
}

TEST_CASE("rename: what is open is busy, as source, as target and below", "[api][rename][busy]") {
  const scenario fs;
  make_tree(fs);
  const auto open = fs->open("/a/b/g", open_mode::read).value();
  const auto refused = [&](std::string_view from, std::string_view to) {
    return fs.refusal([&] { return fs->rename(from, to, if_exists::replace); });
  };
  CHECK(refused("/a/b/g", "/x") == errc::busy);
  CHECK(refused("/a", "/x") == errc::busy);
  CHECK(refused("/a/f", "/a/b/g") == errc::busy);
  fs->rename("/a/f", "/x").value();
}

TEST_CASE("rename: a longer name may have no room", "[api][rename][quota]") {
  const scenario fs(accounting::memory, {.max_quota = 100'000});
  fs->write_file("/a", "").value();
  const std::uint64_t with_short_name = fs.used();
  fs->rename("/a", "/" + std::string(200, 'n')).value();
  CHECK(fs.used() > with_short_name);
  fs->rename("/" + std::string(200, 'n'), "/a").value();
  CHECK(fs.used() == with_short_name);
  std::string fill(90'000, 'x');
  fs->write_file("/fill", fill).value();
  while (fs->write_file("/fill", fill += 'x')) {
  }
  // What is left takes no node, which is smaller than the name.
  for (int i = 0; fs->write_file("/" + std::to_string(i), ""); ++i) {
  }
  CHECK(fs.refusal([&] { return fs->rename("/a", "/" + std::string(255, 'n')); }) ==
        errc::quota_exceeded);
}

TEST_CASE("move: it makes the parents that are missing", "[api][move]") {
  const scenario fs;
  make_tree(fs);
  const std::uint64_t used = fs.used();
  fs->move("/a/f", "/x/y/z/f").value();
  CHECK(fs->read_file("/x/y/z/f").value() == "content");
  fs->move("/a/b", "/x/b").value();
  CHECK(fs->read_file("/x/b/g").value() == "other");
  fs->move("/x/b", "/a/b").value();
  fs->move("/x/y/z/f", "/a/f").value();
  fs->remove_tree("/x").value();
  CHECK(fs.used() == used);
  fs->move("/a/f", "/a/new/f").value();
  fs->move("/a/new/f", "/a/f").value();
  fs->remove_tree("/a/new").value();
  CHECK(fs.used() == used);
}

TEST_CASE("move: a failed one leaves no parents", "[api][move][errors]") {
  const scenario fs({.max_nodes = 8});
  make_tree(fs);
  const auto refused = [&](std::string_view from, std::string_view to) {
    return fs.refusal([&] { return fs->move(from, to); });
  };
  CHECK(refused("/gone", "/x/y") == errc::not_found);
  CHECK(refused("/a", "/a/x/y") == errc::invalid_argument);
  CHECK(refused("/a/b", "/a/f/x/y") == errc::not_a_directory);
  CHECK(refused("/a/f", "/a/b/g") == errc::already_exists);
  const error e = refused("/a/f", "/x/y/z/f");
  CHECK(e == errc::node_limit_exceeded);
  CHECK(e.requested() == 3);
  CHECK(e.available() == 1);
  const auto open = fs->open("/a/f", open_mode::read).value();
  CHECK(refused("/a/f", "/x/f") == errc::busy);
}

}  // namespace coramfs::tests
