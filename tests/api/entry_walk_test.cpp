// SPDX-License-Identifier: BSL-1.0
// Iteration over a directory, and over all below it, a page at a time.
#include "api/coroutines.hpp"
#include "api/scenario.hpp"

#include <coramfs/sync/file_system.hpp>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using paths = std::vector<std::string>;
using found = std::vector<found_entry>;

static_assert(std::input_iterator<sync::entry_range<sync::file_system>::iterator>);
static_assert(
    std::sentinel_for<std::default_sentinel_t, sync::entry_range<sync::file_system>::iterator>);

paths paths_of(const found& all) {
  paths some;
  for (const found_entry& e : all) some.push_back(e.path);
  return some;
}
paths sorted(paths all) {
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

TEST_CASE("each: it gives the entries of a directory, by their paths", "[api][entries][each]") {
  const scenario fs;
  fs->create_directories("/d/b/deeper").value();
  fs->write_file("/d/a", "abc").value();
  CHECK(fs->each("/d/b/deeper").value().empty());
  CHECK(paths_of(fs->each("/").value()) == paths{"/d"});
  CHECK(paths_of(fs->each("").value()) == paths{"/d"});
  for (const char* spelling : {"/d", "d/", "/x/../d//", "\\d"}) {
    INFO(spelling);
    CHECK(sorted(paths_of(fs->each(spelling).value())) == paths{"/d/a", "/d/b"});
  }
  const auto all = fs->each("/d").value();
  for (const found_entry& e : all) {
    CHECK(e.status.id == fs->stat(e.path).value().id);
    CHECK(e.status.is_directory == (e.name() == "b"));
    CHECK(e.path == "/d/" + std::string(e.name()));
  }
}

TEST_CASE("each_below, each_match: others have turns, and a cancellation is heard",
          "[each][glob][coroutines]") {
  const bool is_canceled = GENERATE(false, true), by_pattern = GENERATE(false, true);
  const volume v = volume::create().value();
  sync::file_system threads(v);
  constexpr std::size_t directories = 5000;
  for (std::size_t i = 0; i < directories; ++i)
    threads.create_directory("/" + std::to_string(i)).value();
  asio::io_context context;
  file_system fs(context, v);
  asio::cancellation_signal signal;
  std::size_t seen = 0, turns = 0;
  std::optional<error> why;
  spawn(context, signal, [&]() -> asio::awaitable<void> {
    co_await asio::this_coro::throw_if_cancelled(false);
    auto below = by_pattern ? fs.each_match("/**") : fs.each_below();
    for (;;) {
      const auto page = co_await below.next();
      if (!page) why = page.error();
      if (!page || page.value().empty()) break;
      seen += page.value().size();
    }
    if (why) {
      const auto again = co_await below.next();
      CHECK(again.value().empty());
    }
  });
  while (context.run_one() > 0) {
    ++turns;
    if (is_canceled && turns == 2) signal.emit(asio::cancellation_type::terminal);
  }
  if (is_canceled) {
    CHECK(why == errc::canceled);
    CHECK(seen < directories);
  } else {
    CHECK(!why);
    CHECK(seen == directories);
    // Every one of them is an entry, and an empty page, too.
    CHECK(turns >= 2 * directories / 2000);
  }
}

TEST_CASE("each: what is no directory is its error", "[api][entries][each][errors]") {
  const scenario fs;
  fs->write_file("/f", "").value();
  CHECK(error_of(fs->each("/f")) == errc::not_a_directory);
  CHECK(error_of(fs->each_below("/f")) == errc::not_a_directory);
  CHECK(error_of(fs->each("/x")) == errc::not_found);
  CHECK(error_of(fs->each_below("/x/y")) == errc::not_found);
  CHECK(error_of(fs->each("/..")) == errc::invalid_path);
  CHECK(error_of(fs->each(std::string(256, 'x'))) == errc::name_too_long);
}

TEST_CASE("each_below: it gives all below, each once, and a directory before what is in it",
          "[api][entries][each]") {
  const scenario fs(storage_layout::automatic);
  paths expected;
  const auto add = [&](std::string path, bool is_directory) {
    if (is_directory) {
      fs->create_directory(path).value();
    } else {
      fs->write_file(path, "").value();
    }
    expected.push_back(std::move(path));
  };
  // More than a page of directories, and more than a page in some of them.
  for (int d = 0; d < 300; ++d) {
    const std::string top = "/d" + std::to_string(d);
    add(top, true);
    for (int f = 0; f < (d % 100 == 0 ? 600 : d % 3); ++f) {
      const std::string path = top + "/" + std::to_string(f);
      add(path, f % 2 == 0);
      if (f % 2 == 0) add(path + "/deep", false);
    }
  }
  const paths seen = paths_of(fs->each_below("/").value());
  CHECK(sorted(seen) == sorted(expected));
  std::set<std::string> before{""};
  for (const std::string& path : seen) {
    CHECK(before.contains(path.substr(0, path.rfind('/'))));
    before.insert(path);
  }
  CHECK(paths_of(fs->each("/d100").value()).size() == 600);
  CHECK(paths_of(fs->each_below("/d100").value()).size() == 900);
  fs.expect_slices();
}

TEST_CASE("each_below: what lies too deep for a path ends it with an error",
          "[api][entries][each][errors]") {
  const scenario fs;
  std::string deep;
  for (int i = 0; i < 15; ++i) deep += "/" + std::string(250, 'n');
  fs->create_directories("/a" + deep).value();
  fs->create_directories("/b" + deep).value();
  CHECK(fs->each_below("/").value().size() == 32);
  fs->rename("/b", "/a" + deep + "/b").value();
  CHECK(error_of(fs->each_below("/")) == errc::name_too_long);
  fs->remove_tree("/a").value();
}

TEST_CASE("each: a range goes on where it was left, and what was removed meanwhile is left out",
          "[each][entries]") {
  auto fs = sync::file_system::create().value();
  fs.create_directories("/d/gone/deep").value();
  fs.create_directories("/d/stays/deep").value();
  auto below = fs.each_below("/d");
  found all;
  for (const found_entry& e : below) {
    all.push_back(e);
    if (all.size() == 2) break;
  }
  CHECK(below.status().has_value());
  // Both are in the page that was taken, and one of them goes before it is entered.
  CHECK(sorted(paths_of(all)) == paths{"/d/gone", "/d/stays"});
  fs.remove_tree("/d/gone").value();
  fs.write_file("/d/gone", "").value();
  paths rest;
  for (const found_entry& e : below) rest.push_back(e.path);
  CHECK(below.status().has_value());
  CHECK(rest.back() == "/d/stays/deep");
}

TEST_CASE("each: a range that shares a volume may outlive the file system", "[each][entries]") {
  const auto make = [] {
    auto fs = sync::file_system::create().value();
    fs.write_file("/a", "").value();
    return fs.each();
  };
  auto range = make();
  REQUIRE(range.begin() != range.end());
  CHECK(range.begin()->path == "/a");
}

TEST_CASE("each_below: a directory that goes between two pages is an error only of the path itself",
          "[each][entries][errors]") {
  asio::io_context context;
  const volume v = volume::create().value();
  file_system fs(context.get_executor(), v);
  sync::file_system threads(v);
  for (int i = 0; i < 300; ++i) {
    threads.create_directories("/top/" + std::to_string(i)).value();
    threads.create_directories("/only/below/" + std::to_string(i)).value();
  }
  const auto next = [&](auto& pages) {
    std::optional<result<found>> page;
    spawn(context, [&]() -> asio::awaitable<void> {
      auto taken = co_await pages.next();
      page.emplace(std::move(taken));
    });
    context.restart();
    context.run();
    return std::move(page).value();
  };
  auto top = fs.each("/top");
  CHECK(next(top).value().size() == 256);
  threads.remove_tree("/top").value();
  CHECK(error_of(next(top)) == errc::not_found);
  CHECK(next(top).value().empty());  // it has ended

  auto below = fs.each_below("/only");
  CHECK(next(below).value().size() == 1);
  CHECK(next(below).value().size() == 256);
  threads.remove_tree("/only/below").value();
  CHECK(next(below).value().empty());
}

}  // namespace coramfs::tests
