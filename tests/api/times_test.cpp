// SPDX-License-Identifier: BSL-1.0
#include "api/scenario.hpp"
#include "support/node_clock.hpp"

#include <functional>

namespace coramfs::tests {

namespace {

using clock = std::chrono::system_clock;

// What one action did to the times and the generation of a path.
struct change {
  bool created, modified;
  std::int64_t generations;
  bool operator==(const change&) const = default;
};

constexpr change none{false, false, 0};
constexpr change once{false, true, 1};

// Every time that the action sets must lie within it, by the clock that nodes go by.
template <class Action>
change change_of(const scenario& fs, const char* path, Action action) {
  const file_status before = fs->stat(path).value();
  const auto begin = earliest_node_time();
  action();
  const auto end = clock::now();
  const file_status after = fs->stat(path).value();
  const auto moved = [&](clock::time_point from, clock::time_point to) {
    if (from == to) return false;
    if (to < begin || to > end) throw std::logic_error("a time outside the call");
    return true;
  };
  return {moved(before.created_at, after.created_at), moved(before.modified_at, after.modified_at),
          static_cast<std::int64_t>(after.generation - before.generation)};
}

}  // namespace

TEST_CASE("times: what is made has both times from the moment of the call", "[api][times]") {
  const scenario fs;
  const struct {
    const char* path;
    std::function<void()> make;
  } cases[] = {{"/d", [&] { fs->create_directory("/d").value(); }},
               {"/e/f", [&] { fs->create_directories("/e/f").value(); }},
               {"/a", [&] { fs->open("/a", open_mode::create).value(); }},
               {"/b", [&] { fs->open("/b", open_mode::append).value(); }},
               {"/c", [&] { fs->write_file("/c", "abc").value(); }}};
  for (const auto& c : cases) {
    INFO(c.path);
    const auto begin = earliest_node_time();
    c.make();
    const auto end = clock::now();
    const file_status s = fs->stat(c.path).value();
    CHECK(s.created_at == s.modified_at);
    CHECK(s.created_at >= begin);
    CHECK(s.created_at <= end);
  }
}

TEST_CASE("times: the root is as old as the volume", "[api][times]") {
  const auto begin = earliest_node_time();
  const scenario fs;
  const auto end = clock::now();
  const file_status s = fs->stat("/").value();
  CHECK(s.created_at >= begin);
  CHECK(s.created_at <= end);
  CHECK(s.modified_at == s.created_at);
}

TEST_CASE("stat: a directory has size and generation zero, a new file generation zero",
          "[api][times]") {
  const scenario fs;
  fs->create_directory("/d").value();
  fs->open("/d/a", open_mode::create).value();
  fs->write_file("/d/empty", "").value();
  fs->write_file("/d/full", "abc").value();
  for (const char* path : {"/", "/d"}) {
    const file_status s = fs->stat(path).value();
    CHECK(s.is_directory);
    CHECK(s.size == 0);
    CHECK(s.generation == 0);
  }
  CHECK(!fs->stat("/d/a").value().is_directory);
  CHECK(fs->stat("/d/a").value().generation == 0);
  CHECK(fs->stat("/d/empty").value().generation == 0);
  CHECK(fs->stat("/d/full").value().generation == 1);
  CHECK(fs->stat("/d/full").value().size == 3);
  CHECK(error_of(fs->stat("/x")) == errc::not_found);
}

TEST_CASE("times: whatever changes the content sets modified_at and counts once", "[api][times]") {
  const scenario fs;
  fs->write_file("/a", "abcdef").value();
  auto f = fs->open("/a", open_mode::update).value();
  tick();
  const auto changes = [&](auto action) {
    tick();
    return change_of(fs, "/a", action);
  };
  CHECK(changes([&] { f->write("X").value(); }) == once);
  CHECK(changes([&] { f->write(bytes_of("Y")).value(); }) == once);
  CHECK(changes([&] { f->write_at(6, "Z").value(); }) == once);
  CHECK(changes([&] { f->write_at(0, "X").value(); }) == once);
  CHECK(changes([&] { f->truncate(3).value(); }) == once);
  CHECK(changes([&] { f->truncate(9).value(); }) == once);
  f.reset();
  CHECK(changes([&] { fs->write_file("/a", "new").value(); }) == once);
  CHECK(changes([&] { fs->write_file("/a", "new").value(); }) == once);
  CHECK(changes([&] { fs->write_file("/a", "").value(); }) == once);
  CHECK(changes([&] { fs->write_file("/a", "").value(); }) == once);
  CHECK(changes([&] { fs->open("/a", open_mode::write).value(); }) == once);
  CHECK(changes([&] { fs->open("/a", open_mode::update, {.preallocate = 9}).value(); }) == once);
  CHECK(changes([&] { fs->open("/a", open_mode::append, {.preallocate = 10}).value(); }) == once);
}

TEST_CASE("times: nothing else changes them", "[api][times]") {
  const scenario fs;
  fs->write_file("/a", "abcdef").value();
  std::unique_ptr<any_file> f;
  const auto changes = [&](auto action) {
    tick();
    return change_of(fs, "/a", action);
  };
  for (const open_mode mode : {open_mode::append, open_mode::update, open_mode::read})
    CHECK(changes([&] { fs->open("/a", mode).value(); }) == none);
  CHECK(changes([&] { f = fs->open("/a", open_mode::update).value(); }) == none);
  CHECK(changes([&] { f->read_all().value(); }) == none);
  CHECK(changes([&] { f->seek(2).value(); }) == none);
  CHECK(changes([&] { f->write("").value(); }) == none);
  CHECK(changes([&] { f->truncate(6).value(); }) == none);
  CHECK(changes([&] { f->flush().value(); }) == none);
  CHECK(changes([&] { f->close().value(); }) == none);
  CHECK(changes([&] { fs->read_file("/a").value(); }) == none);
  CHECK(changes([&] { fs->stat("/a").value(); }) == none);
  CHECK(changes([&] { fs->open("/a", open_mode::update, {.preallocate = 6}).value(); }) == none);
  CHECK(changes([&] { fs->write_file("/b", "beside").value(); }) == none);
}

TEST_CASE("times: created_at stays when a file is rewritten", "[api][times]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  const auto created = fs->stat("/a").value().created_at;
  tick();
  fs->write_file("/a", "def").value();
  fs.fill("/a", open_mode::write, "ghi");
  CHECK(fs->stat("/a").value().created_at == created);
}

TEST_CASE("times: a directory's modified_at follows its own entries", "[api][times]") {
  const scenario fs;
  fs->create_directory("/d").value();
  constexpr change touched{false, true, 0};
  const auto changes = [&](auto action) {
    tick();
    return change_of(fs, "/d", action);
  };
  CHECK(changes([&] { fs->open("/d/a", open_mode::create).value(); }) == touched);
  CHECK(changes([&] { fs->write_file("/d/b", "abc").value(); }) == touched);
  CHECK(changes([&] { fs->create_directory("/d/e").value(); }) == touched);
  CHECK(changes([&] { fs->create_directories("/d/f/g").value(); }) == touched);
  CHECK(changes([&] { fs->remove("/d/a").value(); }) == touched);
  CHECK(changes([&] { fs->remove_tree("/d/e").value(); }) == touched);
  CHECK(changes([&] { fs->remove_directory("/d/f/g").value(); }) == none);
  CHECK(changes([&] { fs->remove_directory("/d/f").value(); }) == touched);
  fs->create_directories("/d/f/g").value();

  CHECK(changes([&] { fs->write_file("/d/b", "def").value(); }) == none);
  CHECK(changes([&] { fs.fill("/d/b", open_mode::write, "ghi"); }) == none);
  CHECK(changes([&] { fs->write_file("/d/f/a", "abc").value(); }) == none);
  CHECK(changes([&] { fs->create_directories("/d/f/g").value(); }) == none);
  CHECK(changes([&] { fs->list("/d").value(); }) == none);
  CHECK(changes([&] { fs->write_file("/beside", "abc").value(); }) == none);
}

TEST_CASE("times: the root's modified_at follows its entries too", "[api][times]") {
  const scenario fs;
  tick();
  CHECK(change_of(fs, "/", [&] { fs->create_directory("/d").value(); }).modified);
  tick();
  CHECK(!change_of(fs, "/", [&] { fs->create_directory("/d/e").value(); }).modified);
  tick();
  CHECK(change_of(fs, "/", [&] { fs->remove_tree("/d").value(); }).modified);
}

TEST_CASE("times: write mode that also preallocates changes the content twice", "[api][times]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  tick();
  const change c =
      change_of(fs, "/a", [&] { fs->open("/a", open_mode::write, {.preallocate = 5}).value(); });
  CHECK(c == change{false, true, 2});
  fs->open("/new", open_mode::write, {.preallocate = 5}).value();
  CHECK(fs->stat("/new").value().generation == 1);
}

TEST_CASE("times: modified_at can be set, of a file and of a directory", "[api][times]") {
  const scenario fs;
  fs->create_directories("/d/e").value();
  fs->write_file("/d/a", "abc").value();
  const clock::time_point old{std::chrono::hours(24 * 365)};
  for (const char* path : {"/d/a", "/d", "/", "/d/e"}) {
    INFO(path);
    const file_status before = fs->stat(path).value();
    CHECK(fs->set_modified(path, old).has_value());
    const file_status after = fs->stat(path).value();
    CHECK(after.modified_at == old);
    CHECK(after.created_at == before.created_at);
    CHECK(after.generation == before.generation);
    CHECK(after.size == before.size);
  }
  CHECK(fs->stat("/d").value().modified_at == old);
  CHECK(fs->read_file("/d/a").value() == "abc");
  CHECK(fs.refusal([&] { return fs->set_modified("/missing", old); }) == errc::not_found);
  CHECK(fs.refusal([&] { return fs->set_modified("/d/a/b", old); }) == errc::not_a_directory);
  CHECK(fs.refusal([&] { return fs->set_modified("/../x", old); }) == errc::invalid_path);
}

TEST_CASE("times: one that was set is that of the next change, unless it is still to come",
          "[api][times]") {
  const scenario fs;
  const clock::time_point old{};
  const auto later = clock::now() + std::chrono::hours(24);
  const auto f = fs->open("/a", open_mode::create).value();
  CHECK(fs->set_modified("/a", old).has_value());
  CHECK(change_of(fs, "/a", [&] { f->write("x").value(); }) == once);
  CHECK(fs->set_modified("/a", later).has_value());
  f->write("x").value();
  CHECK(fs->stat("/a").value().modified_at == later);
  CHECK(fs->set_modified("/", old).has_value());
  CHECK(change_of(fs, "/", [&] { fs->create_directory("/d").value(); }) == change{false, true, 0});
}

TEST_CASE("stats: chunks are counted while a chain has content", "[api][stats]") {
  const scenario fs(GENERATE(storage_layout::automatic, storage_layout::sequential));
  fs->write_file("/empty", "").value();
  CHECK(fs.stats().chunk_count == 0);
  fs->write_file("/a", "abc").value();
  const std::uint64_t one = fs.stats().chunk_count;
  CHECK(one == 1);
  fs->write_file("/b", "abc").value();
  CHECK(fs.stats().chunk_count == 2);
  fs->remove("/a").value();
  CHECK(fs.stats().chunk_count == 1);
  fs->open("/b", open_mode::write).value();
  CHECK(fs.stats().chunk_count == 0);
}

TEST_CASE("stats: what a table is made of is no chunk", "[api][stats]") {
  const scenario fs(storage_layout::random_access);
  fs->write_file("/a", std::string(100'000, 'x')).value();
  CHECK(fs.stats().chunk_count == 0);
}

}  // namespace coramfs::tests
