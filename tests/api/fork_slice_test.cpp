// SPDX-License-Identifier: BSL-1.0
// A large fork as a coroutine: others get a turn after each slice, whatever makes it long, and may
// change the origin; and whom a fork asks before it takes anything.
#include "api/sliced_operation.hpp"

#include <coramfs/testing/fault_policy.hpp>

#include <asio/buffer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace coramfs::tests {

namespace {

constexpr int slice = 2048;  // nodes, or blocks

/// Forks a volume, calling `between` at each turn.
struct forking : sliced_operation {
  explicit forking(const volume_options& o = {}) {
    v = volume::create(o).value();
    fs = file_system(context.get_executor(), v);
    threads = sync::file_system(v);
  }

  int fork(std::function<void()> between = [] {}) {
    return turns_during([this]() -> asio::awaitable<void> { made = co_await fs.fork(); },
                        std::move(between));
  }

  result<volume> made = errc::canceled;
};

/// Refuses the guard its answer, and notes who asked for it.
class refusing_guard final : public testing::fault_policy {
 public:
  std::optional<error> at(testing::fault_point p, std::string_view path,
                          std::uint64_t amount) override {
    if (p != testing::fault_point::guard || path.empty()) return std::nullopt;
    paths.emplace_back(path);
    amounts.push_back(amount);
    return is_on ? std::optional<error>(errc::memory_guard) : std::nullopt;
  }

  bool is_on = true;
  std::vector<std::string> paths;
  std::vector<std::uint64_t> amounts;
};

constexpr std::uint64_t large = 64 << 20;  // bytes

/// A fork that is the last to have a large file of its origin's.
struct lent_to : sliced_operation {
  explicit lent_to(const volume_options& o = {.max_recycled = 0})
      : origin(std::make_unique<volume>(volume::create(o).value())) {
    sync::file_system first(*origin);
    first.open("/a", open_mode::write, {.preallocate = large}).value().close().value();
    v = origin->fork().value();
    fs = file_system(context.get_executor(), v);
    threads = sync::file_system(v);
    first.remove("/a").value();
  }

  std::unique_ptr<volume> origin;
};

}  // namespace

TEST_CASE("fork: files of many blocks are given turns, too", "[sharing][fork][slices]") {
  volume_options o;
  o.default_storage = storage_layout::random_access;
  forking t(o);
  constexpr int files = 100, blocks = 512;
  t.threads.create_directory("/d").value();
  for (int i = 0; i < files; ++i) {
    auto f = t.threads.open("/d/" + std::to_string(i), open_mode::write).value();
    for (std::uint64_t k = 0; k < blocks; ++k) f.write_at(k * 65'536, asio::buffer("x", 1)).value();
  }
  const int turns = t.fork();
  CHECK(turns >= files * blocks / slice - 1);
  CHECK(t.made.value().stats().file_count == files);
}

TEST_CASE("fork: a directory that changes all the time is still made in slices",
          "[sharing][fork][slices]") {
  forking t;
  constexpr int files = 20'000;
  t.make_wide(files, 0);
  int changes = 0;
  const int turns = t.fork([&] {
    if (++changes < 10) t.threads.write_file("/wide/new" + std::to_string(changes), {}).value();
  });
  // What was made before the last change was dropped in slices, and all made in slices after that.
  CHECK(turns >= files / slice - 1);
  const volume& f = t.made.value();
  CHECK(f.stats().file_count > files);
  CHECK(f.stats().file_count <= t.v.stats().file_count);
  sync::file_system in(f);
  in.remove_tree("/wide").value();
  CHECK(f.stats().used_bytes == 0);
}

TEST_CASE("fork: directories without files are made in slices", "[sharing][fork][slices]") {
  forking t;
  constexpr int directories = 10'000;
  t.make_wide(0, directories);
  // They are looked at, they are made, and each of them is looked into.
  CHECK(t.fork() >= 2 * (directories / slice - 1));
  CHECK(t.made.value().stats().directory_count == directories + 2);
  CHECK(t.made.value().stats().used_bytes == t.v.stats().used_bytes);
}

TEST_CASE("fork: a directory that goes while it is made leaves nothing",
          "[sharing][fork][slices]") {
  forking t;
  t.make_wide(20'000, 0);
  t.threads.create_directory("/other").value();
  int turns = 0;
  t.fork([&] {
    if (++turns == 3) t.threads.remove_tree("/wide").value();
  });
  const volume& f = t.made.value();
  CHECK(f.stats().file_count == 0);
  CHECK(f.stats().directory_count == t.v.stats().directory_count);
  CHECK(f.stats().used_bytes == t.v.stats().used_bytes);
}

TEST_CASE("fork: its guard is asked where there is content", "[sharing][fork][guard]") {
  volume_options o;
  o.memory_guard = {.mode = guard_mode::per_write,
                    .action = guard_action::reject,
                    .available_memory = [] { return std::uint64_t{1} << 40; }};
  refusing_guard asked;
  fork_options some;
  some.memory_guard = o.memory_guard;
  some.faults = &asked;
  const volume v = volume::create({}).value();
  sync::file_system fs(v);
  fs.create_directories("/d/e").value();
  fs.write_file("/d/empty", {}).value();
  CHECK(v.fork(some));
  CHECK(asked.paths.empty());
  fs.write_file("/d/e/file", asio::buffer("content", 7)).value();
  CHECK(v.fork(some).error() == errc::memory_guard);
  CHECK(asked.paths == std::vector<std::string>{"/d/e"});
  CHECK(v.stats().held_bytes == 0);
  asked.is_on = false;
  CHECK(v.fork(some));
  // The answer in earnest.
  std::uint64_t available = std::uint64_t{1} << 40;
  some.faults.reset();
  some.memory_guard->interval = {};
  some.memory_guard->available_memory = [&available, asked = 0]() mutable {
    // It is asked for the quota first.
    return ++asked > 1 ? std::uint64_t{1} : available;
  };
  const auto refused = v.fork(some);
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == errc::memory_guard);
  CHECK(refused.error().available() == 1);
}

TEST_CASE("fork: others run while the memory of what another volume has lent goes",
          "[sharing][fork][slices]") {
  lent_to t;
  CHECK(t.origin->stats().held_bytes > large / 2);
  std::function<asio::awaitable<result<void>>()> op;
  SECTION("by remove") {
    op = [&]() -> asio::awaitable<result<void>> { co_return co_await t.fs.remove("/a"); };
  }
  SECTION("by truncate") {
    op = [&]() -> asio::awaitable<result<void>> {
      auto f = (co_await t.fs.open("/a", open_mode::update)).value();
      const auto size = co_await f.truncate(0);
      if (!size) co_return size.error();
      co_return boost::outcome_v2::success();
    };
  }
  int turns = 0;
  t.turns_during(
      [&]() -> asio::awaitable<void> {
        const auto done = co_await op();
        CHECK(done.has_value());
      },
      [&] {
        const volume_stats s = t.origin->stats();
        turns += s.used_bytes == 0 && s.held_bytes == 0 && s.recycled_bytes > 0 ? 1 : 0;
      });
  CHECK(turns >= 10);
  CHECK(t.origin->stats().recycled_bytes == 0);
}

TEST_CASE("fork: the memory of a volume that has gone, too, goes in turns",
          "[sharing][fork][slices]") {
  lent_to t;
  t.origin.reset();
  int turns = 0;
  t.turns_during(
      [&]() -> asio::awaitable<void> {
        const auto gone = co_await t.fs.remove("/a");
        CHECK(gone.has_value());
      },
      [&] { turns += t.threads.exists("/a").value() ? 0 : 1; });
  CHECK(turns >= 10);
}

// Each has a file that is in none of those before it, and the last fork has all of them.
TEST_CASE("fork: what many volumes have lent goes with one removal", "[sharing][fork][slices]") {
  constexpr int generations = 12;
  std::vector<volume> all{volume::create({.max_recycled = 0}).value()};
  for (int i = 0; i < generations; ++i) {
    sync::file_system fs(all.back());
    const std::string path = "/d/" + std::to_string(i);
    fs.create_directories("/d").value();
    fs.open(path, open_mode::write, {.preallocate = 1 << 20}).value().close().value();
    all.push_back(all.back().fork().value());
  }
  sliced_operation t;
  t.v = all.back();
  t.fs = file_system(t.context.get_executor(), t.v);
  all.pop_back();
  for (const volume& v : all) sync::file_system(v).remove_tree("/d").value();
  const bool are_there = GENERATE(false, true);
  if (!are_there) all.clear();
  t.turns_during([&]() -> asio::awaitable<void> {
    const auto gone = co_await t.fs.remove_tree("/d");
    CHECK(gone.has_value());
  });
  CHECK(t.v.stats().used_bytes == 0);
  for (const volume& v : all) {
    CHECK(v.stats().used_bytes == 0);
    CHECK(v.stats().held_bytes == 0);
    CHECK(v.stats().recycled_bytes == 0);
  }
}

TEST_CASE("fork: where nobody can wait, the rest serves what its volume writes next",
          "[sharing][fork][slices]") {
  lent_to t;
  pinned held = t.threads.open("/a", open_mode::read).value().pin(0, large).value();
  t.threads.remove("/a").value();
  CHECK(t.origin->stats().held_bytes > large / 2);
  held = {};
  CHECK(t.origin->stats().held_bytes == 0);
  const std::uint64_t rest = t.origin->stats().recycled_bytes;
  CHECK(rest > large / 2);
  sync::file_system first(*t.origin);
  first.open("/c", open_mode::write, {.preallocate = large}).value().close().value();
  CHECK(t.origin->stats().recycled_bytes <= rest - large / 2);
}

// What is collected is left to a volume while that ends, whichever of them comes first.
TEST_CASE("fork: threads let go of what a volume has lent while that ends",
          "[sharing][fork][pins]") {
  constexpr std::size_t file = 1 << 20;
  for (int round = 0; round < 20; ++round) {
    std::optional<volume> origin(volume::create({}).value());
    sync::file_system(*origin).write_file("/a", asio::buffer(std::string(file, 'a'))).value();
    sync::file_system(*origin).write_file("/b", asio::buffer(std::string(file, 'b'))).value();
    std::vector<volume> forks{origin->fork().value(), origin->fork().value()};
    std::vector<pinned> pins;
    for (std::size_t i = 0; i < forks.size(); ++i) {
      sync::file_system fs(forks[i]);
      const char* const path = i == 0 ? "/a" : "/b";
      pins.push_back(fs.open(path, open_mode::read).value().pin(0, file).value());
      fs.remove("/a").value();
      fs.remove("/b").value();
    }
    std::vector<std::thread> threads;
    threads.emplace_back([&] { pins[0] = {}; });
    threads.emplace_back([&] { pins[1] = {}; });
    threads.emplace_back([&] { origin.reset(); });
    for (std::thread& t : threads) t.join();
    for (const volume& f : forks) CHECK(f.stats().used_bytes == 0);
  }
}

}  // namespace coramfs::tests
