// SPDX-License-Identifier: BSL-1.0
// Which files go first in a volume that is a cache.
#include <coramfs/least_recently_used.hpp>
#include <coramfs/reclaim_on.hpp>

#include "reclaim/asked.hpp"

#include "follow/facades.hpp"
#include "support/catch.hpp"
#include "support/manual_clock.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

namespace coramfs::tests {

namespace {

using names = std::vector<std::string>;

/// A cache of a thousand bytes, by a clock of its own.
class cache {
 public:
  std::shared_ptr<manual_clock> clock = std::make_shared<manual_clock>();
  volume over;
  sync::file_system fs{over};

  explicit cache(least_recently_used_options chosen = {}, std::optional<std::uint64_t> nodes = {})
      : over(make(std::move(chosen), nodes)) {}

  void put(const std::string& path, std::size_t n) {
    clock->advance(std::chrono::seconds(1));
    fill(over, path, n);
  }
  void read(const std::string& path) { static_cast<void>(fs.read_file(path).value()); }
  names there() { return fs.list("/").value(); }

 private:
  volume make(least_recently_used_options chosen, std::optional<std::uint64_t> nodes) {
    volume_options o = thousand(least_recently_used(std::move(chosen)));
    o.clock = clock;
    o.max_nodes = nodes;
    return volume::create(o).value();
  }
};

}  // namespace

TEST_CASE("least recently used: the oldest go first, and no more than is needed",
          "[reclaim][lru]") {
  cache c;
  for (const char* const path : {"/d", "/c", "/b", "/a"}) c.put(path, 250);
  c.put("/e", 300);
  CHECK(c.there() == names{"a", "b", "e"});
  c.put("/f", 100);
  CHECK(c.there() == names{"a", "b", "e", "f"});
  c.put("/g", 200);
  CHECK(c.there() == names{"a", "e", "f", "g"});
}

TEST_CASE("least recently used: one that was opened since stays, and the hand goes on where it was",
          "[reclaim][lru]") {
  cache c;
  for (const char* const path : {"/a", "/b", "/c", "/d"}) c.put(path, 250);
  c.read("/a");
  c.read("/b");
  c.put("/e", 250);
  CHECK(c.there() == names{"a", "b", "d", "e"});
  // The marks of /a and /b are gone, but the hand is behind them.
  c.put("/f", 250);
  CHECK(c.there() == names{"a", "b", "e", "f"});
  c.read("/b");
  c.put("/g", 250);
  CHECK(c.there() == names{"a", "b", "f", "g"});
  c.put("/h", 250);
  c.put("/i", 250);
  CHECK(c.there() == names{"a", "b", "h", "i"});
}

TEST_CASE("least recently used: where all were opened the oldest goes", "[reclaim][lru]") {
  cache c;
  for (const char* const path : {"/a", "/b", "/c", "/d"}) c.put(path, 250);
  for (const char* const path : {"/d", "/c", "/b", "/a"}) c.read(path);
  c.put("/e", 250);
  CHECK(c.there() == names{"b", "c", "d", "e"});
}

TEST_CASE("least recently used: opens of any kind mark a file that is there", "[reclaim][lru]") {
  cache c;
  const auto mode = GENERATE(open_mode::read, open_mode::update, open_mode::append);
  for (const char* const path : {"/a", "/b", "/c", "/d"}) c.put(path, 250);
  const auto open = [&] { c.fs.open("/a", mode).value().close().value(); };
  open();
  c.put("/e", 250);
  CHECK(c.there() == names{"a", "c", "d", "e"});
  // A second time by the same thread, after the hand has passed.
  open();
  for (const char* const path : {"/c", "/d", "/e"}) c.read(path);
  c.put("/f", 250);
  CHECK(c.there() == names{"a", "d", "e", "f"});
}

TEST_CASE("least recently used: one whose content is new has no mark", "[reclaim][lru]") {
  cache c;
  for (const char* const path : {"/a", "/b", "/c", "/d"}) c.put(path, 250);
  c.read("/a");
  c.put("/a", 250);
  c.put("/e", 250);
  CHECK(c.there() == names{"b", "c", "d", "e"});
}

TEST_CASE("least recently used: what many threads read stays", "[reclaim][lru]") {
  cache c;
  for (const char* const path : {"/a", "/b", "/c", "/d"}) c.put(path, 250);
  // Two threads take turns: so the file becomes one that readers mark alone.
  for (int i = 0; i < 100; ++i) {
    c.read("/a");
    std::thread([&] { c.read("/a"); }).join();
  }
  c.put("/e", 250);
  CHECK(c.there() == names{"a", "c", "d", "e"});
  c.put("/f", 750);
  CHECK(c.there() == names{"a", "f"});
  c.read("/f");
  c.put("/g", 250);
  CHECK(c.there() == names{"f", "g"});
}

TEST_CASE("least recently used: files in use are passed, and come later", "[reclaim][lru]") {
  cache c;
  for (const char* const path : {"/a", "/b", "/c", "/d"}) c.put(path, 250);
  auto in_use = c.fs.open("/a", open_mode::read).value();
  static_cast<void>(c.fs.read_file("/b"));
  c.put("/e", 250);
  CHECK(c.there() == names{"a", "b", "d", "e"});
  std::vector<sync::file> all;
  for (const std::string& name : c.there())
    all.push_back(c.fs.open("/" + name, open_mode::read).value());
  CHECK(c.fs.write_file("/f", content_of(10)).error() == errc::quota_exceeded);
  all.clear();
  in_use.close().value();
  c.put("/f", 1000);
  CHECK(c.there() == names{"f"});
}

TEST_CASE("least recently used: what is too old goes first, opened or not", "[reclaim][lru]") {
  cache c({.max_age = std::chrono::minutes(1)});
  c.put("/old", 250);
  c.put("/older", 250);
  c.put("/kept", 250);
  c.read("/old");
  c.read("/older");
  c.clock->advance(std::chrono::seconds(48));
  c.put("/new", 250);
  c.clock->advance(std::chrono::seconds(8));
  // Changed, and so young again.
  auto f = c.fs.open("/older", open_mode::update).value();
  f.write(content_of(1)).value();
  f.close().value();
  c.clock->advance(std::chrono::seconds(1));
  c.put("/next", 250);
  CHECK(c.there() == names{"kept", "new", "next", "older"});
}

TEST_CASE("least recently used: below a directory alone, however deep", "[reclaim][lru]") {
  cache c({.below = "/cache"});
  c.fs.create_directories("/cache/deep/er").value();
  c.put("/kept", 400);
  c.put("/cache/deep/er/a", 200);
  c.put("/cache/b", 200);
  c.put("/cache/deep/c", 200);
  c.put("/cache/d", 300);
  CHECK(!c.fs.exists("/cache/deep/er/a").value());
  CHECK(!c.fs.exists("/cache/b").value());
  CHECK(c.fs.exists("/cache/deep/c").value());
  CHECK(c.fs.write_file("/cache/e", content_of(700)).error() == errc::quota_exceeded);
  CHECK(c.fs.exists("/kept").value());
  CHECK(c.fs.is_directory("/cache/deep/er").value());
}

TEST_CASE("least recently used: without the directory nothing goes", "[reclaim][lru]") {
  cache c({.below = GENERATE("/none", "/file")});
  c.put("/file", 1000);
  CHECK(c.fs.write_file("/e", content_of(1)).error() == errc::quota_exceeded);
  CHECK(c.fs.exists("/file").value());
}

TEST_CASE("least recently used: nodes are made room for, too", "[reclaim][lru]") {
  cache c({}, 4);
  for (const char* const path : {"/a", "/b", "/c", "/d", "/e"}) c.put(path, 1);
  CHECK(c.there() == names{"c", "d", "e"});
}

TEST_CASE("least recently used: a file by another name keeps its place, a new one has its own",
          "[reclaim][lru]") {
  cache c;
  for (const char* const path : {"/a", "/b", "/c", "/d"}) c.put(path, 250);
  c.read("/b");
  c.put("/e", 250);  // the hand is behind /a now, and knows which come next
  CHECK(c.there() == names{"b", "c", "d", "e"});
  c.fs.rename("/c", "/renamed").value();
  c.fs.remove("/d").value();
  c.put("/d", 250);
  c.put("/f", 250);
  CHECK(c.there() == names{"b", "d", "f", "renamed"});
}

TEST_CASE("least recently used: more files than it remembers go in their order", "[reclaim][lru]") {
  volume_options o = thousand(least_recently_used());
  const auto clock = std::make_shared<manual_clock>();
  o.clock = clock;
  constexpr int count = 10'000;
  o.max_quota = count;
  const volume v = volume::create(o).value();
  sync::file_system fs(v);
  for (int i = 0; i < count; ++i) {
    if (i % 7 == 0) clock->advance(std::chrono::milliseconds(1));  // several in a tick
    fill(v, "/" + std::to_string(i), 1);
  }
  for (int i = 0; i < count; i += 2) static_cast<void>(fs.read_file("/" + std::to_string(i)));
  fill(v, "/large", count / 2);
  // Each second one has gone, and those that were read are all there.
  const auto left = fs.list("/").value();
  CHECK(left.size() == count / 2 + 1);
  for (int i = 0; i < count; i += 2) REQUIRE(fs.exists("/" + std::to_string(i)).value());
  static_cast<void>(fs.read_file("/large"));
  fill(v, "/second", count / 4);
  int gone = 0;
  for (int i = 0; i < count; i += 2) gone += !fs.exists("/" + std::to_string(i)).value();
  // The hand begins anew: the oldest go, in their order but for those of one tick.
  CHECK(gone == count / 4);
  for (int i = 0; i + 14 < count / 2; i += 2) REQUIRE(!fs.exists("/" + std::to_string(i)).value());
}

TEST_CASE("least recently used: a volume and its fork have a hand each", "[reclaim][lru][fork]") {
  cache c;
  for (const char* const path : {"/a", "/b", "/c", "/d"}) c.put(path, 250);
  const volume fork = c.over.fork().value();
  sync::file_system there(fork);
  c.put("/e", 250);
  CHECK(c.there() == names{"b", "c", "d", "e"});
  there.write_file("/e", content_of(250)).value();
  CHECK(there.list("/").value().size() == 4);
  CHECK(there.exists("/e").value());
}

TEMPLATE_TEST_CASE("least recently used: in each facade, and as a coroutine", "[reclaim][lru]",
                   by_threads, by_coroutines, by_tokens) {
  for (const bool as_coroutine : {false, true}) {
    asio::io_context other{1};
    auto work = asio::make_work_guard(other);
    std::thread runs([&] { other.run(); });
    const volume v =
        volume::create(thousand(as_coroutine ? least_recently_used_on(other.get_executor())
                                             : least_recently_used()))
            .value();
    TestType on(v);
    for (int i = 0; i < 20; ++i) {
      const std::string path = "/" + std::to_string(i), content = xs(250);
      CHECK(on([&](auto&... last) { return on.fs.write_file(path, buffer_of(content), last...); }));
    }
    CHECK(v.stats().used_bytes == 1000);
    CHECK(sync::file_system(v).exists("/19").value());
    work.reset();
    runs.join();
  }
}

}  // namespace coramfs::tests
