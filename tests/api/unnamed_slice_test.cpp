// SPDX-License-Identifier: BSL-1.0
// Many files that get their names at once, as a coroutine: others get a turn between its slices and
// may change the tree, and still all appear at once, or none.
#include "api/sliced_operation.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

constexpr int many = 6'000;
constexpr int slices = many / 2048;
// What is longer than a node has room for is charged for itself.
const std::string long_name(40, 'n');

class fixture : public sliced_operation {
 public:
  std::map<std::string, file> files;
  std::vector<std::string> directories;
  error ended = errc::canceled;
  int turns = 0;

  void open_many(const std::string& in) {
    turns_during([&]() -> asio::awaitable<void> {
      for (int i = 0; i < many; ++i) {
        auto f = (co_await fs.open_unnamed()).value();
        (co_await f.write("content")).value();
        files[in + "/" + std::to_string(i) + (i % 2 == 0 ? long_name : "")] = std::move(f);
      }
    });
  }
  asio::awaitable<result<void>> naming() { return fs.give_names(files, directories); }
  void name(std::function<void()> between = [] {}) {
    turns = turns_during(
        [&]() -> asio::awaitable<void> {
          const auto done = co_await naming();
          ended = error_of(done);
        },
        std::move(between));
  }
  int open_files() {
    int open = 0;
    for (auto& [path, f] : files) open += f.is_open() ? 1 : 0;
    return open;
  }
  std::uint64_t used() { return v.stats().used_bytes; }
};

}  // namespace

TEST_CASE("give_names slices: others run while it goes on, and see all or nothing",
          "[api][unnamed][slices]") {
  fixture t;
  const bool is_there = GENERATE(false, true);
  if (is_there) t.threads.create_directories("/new/deep").value();
  t.open_many("/new/deep");
  t.directories = {"/new/empty"};
  int parts_seen = 0;
  t.name([&] {
    const std::size_t seen =
        t.threads.exists("/new/deep").value() ? t.threads.list("/new/deep").value().size() : 0;
    if (seen != 0 && seen != many) ++parts_seen;
    if ((seen != 0) != t.threads.exists("/new/empty").value()) ++parts_seen;
  });
  CHECK(!t.ended.code());
  CHECK(parts_seen == 0);
  CHECK(t.turns >= 5 * slices);
  CHECK(t.open_files() == 0);
  CHECK(t.v.stats().open_handles == 0);
  CHECK(t.threads.list("/new/deep").value().size() == many);
  t.threads.remove_tree("/new").value();
  CHECK(t.used() == 0);
}

TEST_CASE("give_names slices: what others make and remove meanwhile is met, and costs are true",
          "[api][unnamed][slices]") {
  fixture t;
  t.open_many("/a/b");
  t.directories = {"/empty/x", "/there"};
  t.threads.create_directory("/there").value();
  int turn = 0;
  const auto at_last = [&](auto act) {
    // All is planned and most of it is made.
    t.name([&] {
      if (turn++ == 5 * slices) act();
    });
  };
  SECTION("a directory that was missing comes") {
    at_last([&] { t.threads.create_directories("/a/b/c").value(); });
    CHECK(!t.ended.code());
    CHECK(t.threads.list("/a/b").value().size() == many + 1);
  }
  SECTION("a directory that was there goes, and is made") {
    at_last([&] { t.threads.remove_tree("/there").value(); });
    CHECK(!t.ended.code());
  }
  SECTION("a file comes where one is to come") {
    const std::uint64_t used = t.used();
    at_last([&] {
      t.threads.create_directories("/a/b").value();
      t.threads.write_file("/a/b/7", "other").value();
    });
    CHECK(t.ended == errc::already_exists);
    CHECK(t.open_files() == many);
    CHECK(t.v.stats().open_handles == many);
    t.threads.remove_tree("/a").value();
    CHECK(t.used() <= used);
    t.name();
    CHECK(!t.ended.code());
  }
  SECTION("a directory comes and goes again and again") {
    t.name([&] {
      if (t.threads.exists("/a/b/1").value()) return;
      if (turn++ % 2 == 0) {
        t.threads.create_directories("/a").value();
      } else {
        t.threads.remove_tree("/a").value();
      }
    });
    CHECK(!t.ended.code());
  }
  CHECK(turn > 5 * slices);
  CHECK(t.threads.is_directory("/empty/x").value());
  CHECK(t.threads.is_directory("/there").value());
  CHECK(t.threads.read_text("/a/b/5999").value() == "content");
  for (const char* const top : {"/a", "/empty", "/there"}) t.threads.remove_tree(top).value();
  CHECK(t.used() == 0);
}

TEST_CASE("give_names slices: a file that comes at any turn stays", "[api][unnamed][slices]") {
  bool has_come = true;
  std::uint64_t refused = 0;
  for (int when = 0; has_come; ++when) {
    INFO(when);
    fixture t;
    t.threads.create_directories("/a/b").value();
    t.open_many("/a/b");
    int turn = 0;
    has_come = false;
    t.name([&] {
      if (turn++ != when) return;
      t.threads.write_text("/a/b/7", "other").value();
      has_come = true;
    });
    if (!has_come) break;
    // It was there before, or has changed what was named.
    CHECK(t.threads.read_text("/a/b/7").value() == "other");
    if (t.ended.code()) {
      ++refused;
      CHECK(t.ended == errc::already_exists);
      CHECK(t.threads.list("/a/b").value().size() == 1);
    }
  }
  CHECK(refused >= 4 * slices);
}

TEST_CASE("give_names slices: cancelled it leaves the files with their handles",
          "[api][unnamed][slices][cancellation]") {
  fixture t;
  t.open_many("/new/deep");
  t.name();
  const int turns = t.turns;
  t.threads.remove_tree("/new").value();
  t.open_many("/new/deep");
  const std::uint64_t used = t.used();
  for (int turn = 0; turn < turns; ++turn) {
    INFO(turn);
    const error e = t.canceled_at<void>(turn, [&] { return t.naming(); });
    if (!e.code()) break;
    REQUIRE(e == errc::canceled);
    REQUIRE(t.open_files() == many);
    REQUIRE(t.used() <= used);
    REQUIRE(t.v.stats().open_handles == many);
    REQUIRE(!t.threads.exists("/new").value());
  }
  if (t.open_files() != 0) t.name();
  CHECK(t.threads.read_text("/new/deep/7").value() == "content");
  t.threads.remove_tree("/new").value();
  CHECK(t.used() == 0);
}

TEST_CASE("give_names slices: a context that dies takes the files along, or has named them",
          "[api][unnamed][slices][cancellation]") {
  bool has_ended = false;
  for (int steps = 1; !has_ended; steps += 2) {
    INFO(steps);
    const auto v = volume::create().value();
    sync::file_system threads(v);
    auto context = std::make_unique<asio::io_context>();
    file_system fs(context->get_executor(), v);
    // They live longer than the context.
    std::map<std::string, file> files;
    spawn(*context, [&]() -> asio::awaitable<void> {
      for (int i = 0; i < many; ++i)
        files["/new/" + long_name + std::to_string(i)] = (co_await fs.open_unnamed()).value();
    });
    context->run();
    context->restart();
    spawn(*context, [&]() -> asio::awaitable<void> {
      const auto done = co_await fs.give_names(files);
      has_ended = done.has_value();
    });
    for (int i = 0; i < steps; ++i) context->run_one();
    context.reset();
    const auto stats = v.stats();
    int open = 0;
    for (auto& [path, f] : files) open += f.is_open() ? 1 : 0;
    CHECK(stats.open_handles == static_cast<std::uint64_t>(open));
    const bool is_there = threads.exists("/new").value();
    CHECK(stats.file_count == static_cast<std::uint64_t>(is_there ? many : open));
    if (is_there) CHECK(threads.list("/new").value().size() == many);
    files.clear();
    if (is_there) threads.remove_tree("/new").value();
    CHECK(v.stats().used_bytes == 0);
    CHECK(v.stats().file_count == 0);
  }
}

}  // namespace coramfs::tests
