// SPDX-License-Identifier: BSL-1.0
// A large fork as a coroutine: others get a turn after each slice, whatever makes it long, and may
// change the origin; and whom a fork asks before it takes anything.
#include "api/sliced_operation.hpp"

#include <coramfs/testing/fault_policy.hpp>

#include <asio/buffer.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
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

}  // namespace coramfs::tests
