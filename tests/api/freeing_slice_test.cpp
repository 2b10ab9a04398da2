// SPDX-License-Identifier: BSL-1.0
// Coroutines that give up gigabytes: all is gone at once, and the memory goes in turns.
#include "api/sliced_operation.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace coramfs::tests {

namespace {

constexpr std::uint64_t large = 64 << 20;  // bytes

struct fixture : sliced_operation {
  fixture() {
    v = volume::create({.max_recycled = 0}).value();
    fs = file_system(context.get_executor(), v);
    threads = sync::file_system(v);
    make("/a");
    threads.write_file("/b", asio::buffer("b", 1)).value();
  }
  void make(const std::string& path) {
    threads.open(path, open_mode::write, {.preallocate = large}).value().close().value();
  }

  /// How often others ran after it was done: all is given back by then, and the memory is not.
  int turns_after_its_end(const std::function<asio::awaitable<void>()>& op) {
    int after = 0;
    turns_during(op, [&] {
      const volume_stats s = v.stats();
      after += s.used_bytes < large / 16 && s.recycled_bytes > 0 ? 1 : 0;
    });
    CHECK(v.stats().recycled_bytes == 0);
    return after;
  }
};

}  // namespace

TEST_CASE("freeing: others run while the memory of a large file goes", "[api][slices]") {
  fixture t;
  std::function<asio::awaitable<result<void>>()> op;
  SECTION("by remove") {
    op = [&]() -> asio::awaitable<result<void>> { co_return co_await t.fs.remove("/a"); };
  }
  SECTION("by remove_tree") {
    t.threads.create_directory("/d").value();
    t.threads.move("/a", "/d/a").value();
    op = [&]() -> asio::awaitable<result<void>> { co_return co_await t.fs.remove_tree("/d"); };
  }
  SECTION("by write_file") {
    op = [&]() -> asio::awaitable<result<void>> {
      co_return co_await t.fs.write_file("/a", asio::buffer("x", 1));
    };
  }
  SECTION("by rename") {
    op = [&]() -> asio::awaitable<result<void>> {
      co_return co_await t.fs.rename("/b", "/a", if_exists::replace);
    };
  }
  SECTION("by move") {
    op = [&]() -> asio::awaitable<result<void>> {
      co_return co_await t.fs.move("/b", "/a", if_exists::replace);
    };
  }
  SECTION("by copy") {
    op = [&]() -> asio::awaitable<result<void>> {
      co_return co_await t.fs.copy("/b", "/a", if_exists::replace);
    };
  }
  SECTION("by import_tree") {
    op = [&]() -> asio::awaitable<result<void>> {
      file_map m;
      m["/a"] = {};
      co_return co_await t.fs.import_tree(std::move(m));
    };
  }
  SECTION("by truncate") {
    op = [&]() -> asio::awaitable<result<void>> {
      auto f = (co_await t.fs.open("/a", open_mode::update)).value();
      const auto size = co_await f.truncate(0);
      if (!size) co_return size.error();
      co_return boost::outcome_v2::success();
    };
  }
  const int turns = t.turns_after_its_end([&]() -> asio::awaitable<void> {
    const auto done = co_await op();
    CHECK(done.has_value());
  });
  CHECK(turns >= 10);
}

TEST_CASE("freeing: a cancellation meanwhile comes too late", "[api][slices][cancellation]") {
  fixture t;
  std::function<asio::awaitable<result<void>>()> op;
  SECTION("of a remove") {
    op = [&] { return t.fs.remove("/a"); };
  }
  SECTION("of a copy that has replaced it") {
    op = [&] { return t.fs.copy("/b", "/a", if_exists::replace); };
  }
  const error seen = t.canceled_at<void>(5, op);
  CHECK(!seen.code());
  CHECK(t.turns_after >= 5);
  CHECK(t.v.stats().recycled_bytes == 0);
}

TEST_CASE("freeing: what is given up where nobody can wait serves what is written next",
          "[api][slices]") {
  fixture t;
  pinned held;
  SECTION("by the last copy of a pin") {
    {
      sync::file f = t.threads.open("/a", open_mode::read).value();
      held = f.pin(0, large).value();
    }
    t.threads.remove("/a").value();
    held = {};
  }
  SECTION("by an open") {
    t.turns_during([&]() -> asio::awaitable<void> {
      const auto f = co_await t.fs.open("/a", open_mode::write);
      CHECK(f.has_value());
    });
  }
  const std::uint64_t rest = t.v.stats().recycled_bytes;
  CHECK(rest > large / 2);
  t.make("/c");
  CHECK(t.v.stats().recycled_bytes <= rest - large / 2);
  t.threads.remove("/c").value();
}

TEST_CASE("freeing: a context that dies leaves the rest to the volume", "[api][slices]") {
  const volume v = volume::create({.max_recycled = 0}).value();
  sync::file_system threads(v);
  threads.open("/a", open_mode::write, {.preallocate = large}).value().close().value();
  {
    asio::io_context context;
    file_system fs(context.get_executor(), v);
    spawn(context, [fs]() mutable -> asio::awaitable<void> {
      const auto gone = co_await fs.remove("/a");
      CHECK(gone.has_value());
    });
    for (int i = 0; i < 4; ++i) context.run_one();
  }
  CHECK(!threads.exists("/a").value());
  CHECK(v.stats().used_bytes == 0);
  CHECK(v.stats().recycled_bytes > 0);
}

}  // namespace coramfs::tests
