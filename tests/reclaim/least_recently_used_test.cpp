// SPDX-License-Identifier: BSL-1.0
// Which files go first in a volume that is a cache.
#include <coramfs/least_recently_used.hpp>
#include <coramfs/reclaim_on.hpp>

#include "reclaim/asked.hpp"

#include "follow/facades.hpp"
#include "support/catch.hpp"
#include "support/manual_clock.hpp"

#include <algorithm>
#include <atomic>
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

TEST_CASE("least recently used: one that is read after its content is new has a mark",
          "[reclaim][lru]") {
  cache c;
  for (const char* const path : {"/a", "/b", "/c", "/d"}) c.put(path, 250);
  c.read("/a");
  c.put("/a", 250);
  c.read("/a");
  c.put("/e", 250);
  CHECK(c.there() == names{"a", "c", "d", "e"});
}

TEST_CASE("least recently used: opens that take longer mark a file that is there, too",
          "[reclaim][lru]") {
  cache c;
  for (const char* const path : {"/a", "/b", "/c", "/d"}) c.put(path, 250);
  const auto mode = GENERATE(open_mode::update, open_mode::append);
  const std::string way = GENERATE("preallocates", "own", "path", "followable", "waits");
  if (way == "followable" && mode != open_mode::append) return;
  open_options o;
  if (way == "preallocates") o.preallocate = 250;
  if (way == "own") o.own = true;
  if (way == "followable") o.followable = true;
  if (way == "waits") {
    auto before = c.fs.open("/a", open_mode::read).value();
    std::thread later([&] { c.fs.open("/a", mode).value().close().value(); });
    while (c.over.stats().waiting == 0) std::this_thread::yield();
    before.close().value();
    later.join();
  } else {
    auto f = c.fs.open(way == "path" ? "//a" : "/a", mode, o).value();
    if (way == "followable") f.finish().value();
    f.close().value();
  }
  c.put("/e", 250);
  CHECK(c.there() == names{"a", "c", "d", "e"});
}

TEST_CASE("least recently used: one that waits to empty a file leaves it without a mark",
          "[reclaim][lru]") {
  cache c;
  for (const char* const path : {"/a", "/b", "/c", "/d"}) c.put(path, 250);
  auto before = c.fs.open("/a", open_mode::read).value();
  std::thread later([&] {
    auto f = c.fs.open("/a", open_mode::write).value();
    f.write(content_of(250)).value();
  });
  while (c.over.stats().waiting == 0) std::this_thread::yield();
  before.close().value();
  later.join();
  c.put("/e", 250);
  CHECK(c.there() == names{"b", "c", "d", "e"});
}

TEST_CASE("least recently used: what threads read beyond those that have a lane stays",
          "[reclaim][lru]") {
  cache c;
  for (const char* const path : {"/a", "/b", "/c", "/d"}) c.put(path, 250);
  std::atomic<bool> goes_on{true};
  std::atomic<int> in{0};
  constexpr int many = 80;
  std::vector<std::thread> others;
  for (int i = 0; i < many; ++i)
    others.emplace_back([&] {
      static_cast<void>(c.fs.read_file("/none"));
      ++in;
      goes_on.wait(true);
    });
  while (in < many) std::this_thread::yield();
  std::thread([&] { c.read("/a"); }).join();
  goes_on = false;
  goes_on.notify_all();
  for (std::thread& t : others) t.join();
  c.put("/e", 250);
  CHECK(c.there() == names{"a", "c", "d", "e"});
}

TEST_CASE("least recently used: what many threads read stays", "[reclaim][lru]") {
  cache c;
  for (const char* const path : {"/a", "/b", "/c", "/d"}) c.put(path, 250);
  // Two threads take turns: so the file becomes one that readers mark alone.
  for (int i = 0; i < 100; ++i) {
    c.read("/a");
    std::thread([&] { c.read("/a"); }).join();
  }
  if (GENERATE(false, true)) c.fs.open("/a", open_mode::append).value().close().value();
  c.put("/e", 250);
  CHECK(c.there() == names{"a", "c", "d", "e"});
  // The hand has taken its mark, and a reader makes it anew.
  c.read("/a");
  c.put("/f", 750);
  CHECK(c.there() == names{"a", "f"});
  c.read("/f");
  c.put("/g", 250);
  // Both marks were taken, and /f is where the hand was first.
  CHECK(c.there() == names{"a", "g"});
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

TEST_CASE("least recently used: what was too old and has changed since waits for its turn",
          "[reclaim][lru]") {
  cache c({.max_age = std::chrono::minutes(1)});
  for (const char* const path : {"/first", "/o1", "/o2", "/o3"}) c.put(path, 250);
  c.clock->advance(std::chrono::minutes(5));
  c.put("/first", 250);
  c.put("/new", 250);
  const names some_went = c.there();
  REQUIRE(some_went.size() == 4);
  for (const std::string& name : some_went)
    if (name[0] == 'o') c.put("/" + name, 250);
  // Nothing is too old now, and /first is the oldest.
  c.put("/next", 250);
  CHECK(!c.fs.exists("/first").value());
  CHECK(c.there().size() == 4);
}

TEST_CASE("least recently used: a file of the beginning of time is too old", "[reclaim][lru]") {
  cache c({.max_age = std::chrono::minutes(1)});
  for (const char* const path : {"/a", "/b", "/c", "/d"}) c.put(path, 250);
  c.fs.set_modified("/c", std::chrono::system_clock::time_point::min()).value();
  c.put("/e", 250);
  CHECK(c.there() == names{"a", "b", "d", "e"});
}

TEST_CASE("least recently used: where all that can go would not suffice nothing goes",
          "[reclaim][lru]") {
  cache c;
  for (int i = 0; i < 50; ++i) c.put("/" + std::to_string(i), 10);
  auto in_use = c.fs.open("/in use", open_mode::write).value();
  in_use.write(content_of(500)).value();
  CHECK(c.fs.write_file("/large", content_of(501)).error() == errc::quota_exceeded);
  CHECK(c.there().size() == 51);
  c.put("/smaller", 495);
  CHECK(c.there().size() == 2);
  in_use.close().value();
}

TEST_CASE("least recently used: who waits is made room for by the next that is short",
          "[reclaim][lru][threads]") {
  cache c;
  for (int i = 0; i < 40; ++i) c.put("/" + std::to_string(i), 10);
  auto in_use = c.fs.open("/in use", open_mode::write).value();
  in_use.write(content_of(600)).value();
  open_options waits;
  waits.on_full = when_full::wait;
  waits.timeout = lock_timeout::forever();
  waits.preallocate = 500;
  std::thread waiter([&] { c.fs.open("/waited", open_mode::create, waits).value(); });
  while (c.over.stats().waiting == 0) std::this_thread::yield();
  CHECK(c.there().size() == 41);
  in_use.close().value();
  CHECK(c.fs.write_file("/large", content_of(900)).error() == errc::quota_exceeded);
  waiter.join();
  CHECK(c.there() == names{"waited"});
}

TEST_CASE("least recently used: a lower quota is met by the next that needs room",
          "[reclaim][lru]") {
  cache c;
  for (int i = 0; i < 10; ++i) c.put("/" + std::to_string(i), 100);
  c.over.set_quota(500).value();
  c.put("/next", 100);
  CHECK(c.there() == names{"6", "7", "8", "9", "next"});
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

TEST_CASE("least recently used: a fork marks nothing", "[reclaim][lru][fork]") {
  cache c;
  for (const char* const path : {"/a", "/b", "/c", "/d"}) c.put(path, 250);
  c.read("/a");
  const volume fork = c.over.fork().value();
  c.put("/e", 250);
  CHECK(c.there() == names{"a", "c", "d", "e"});
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
