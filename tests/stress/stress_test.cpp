// SPDX-License-Identifier: BSL-1.0
// The loads that a volume has to bear, with threads, with coroutines and with both: what each
// operation may come to, and the invariants when all have ended.
//
//     CORAMFS_ROUNDS=10 tests/stress     ten times as many of everything
#include "api/scenario.hpp"

#include "stress/crowd.hpp"
#include "support/seeds.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <initializer_list>
#include <set>
#include <string>

namespace coramfs::tests {

namespace {

using asio::awaitable;

int rounds(int n) { return n * static_cast<int>(from_environment("CORAMFS_ROUNDS", 1)); }

asio::const_buffer buffer(const std::string& s) { return asio::const_buffer(s.data(), s.size()); }

/// Fails unless it is done, or came to one of these.
template <class T>
void allow(const result<T>& r, std::initializer_list<errc> failures) {
  require(r.has_value() ||
              std::any_of(failures.begin(), failures.end(), [&](errc e) { return r.error() == e; }),
          r ? "" : "an error that must not be");
}

/// A volume on which a crowd works, as threads, as coroutines, and as both.
class stressed {
 public:
  explicit stressed(const volume_options& options = {})
      : volume_(volume::create(options).value()) {}
  ~stressed() noexcept(false) {
    if (std::uncaught_exceptions() == 0) check_invariants(*fs_);
  }
  sync::file_system fs() const { return sync::file_system(volume_); }
  volume_stats stats() const { return volume_.stats(); }

  template <class Task>
  void run(int count, Task task) {
    crowd all(volume_);
    REQUIRE_NOTHROW(all.run(who_, count, task));
  }

 private:
  const members who_ = GENERATE(members::threads, members::coroutines, members::both);
  volume volume_;
  std::unique_ptr<any_file_system> fs_ = make_file_system(facade_kind::threads, volume_);
};

}  // namespace

TEST_CASE("stress: fifty rewrite and read files of their own", "[stress]") {
  stressed v;
  const int n = rounds(1000);
  v.run(50, [n](auto& fs, int number) -> awaitable<void> {
    const std::string path = "/own" + std::to_string(number);
    dice d(static_cast<std::uint64_t>(number));
    for (int i = 0; i < n; ++i) {
      const std::string content(1 + d.below(2000), static_cast<char>('a' + i % 26));
      const auto written = co_await ready(fs.write_file(path, buffer(content)));
      allow(written, {});
      const auto read = co_await ready(fs.read_file(path));
      require(text_of(read.value()) == content, "one reads what one wrote");
    }
  });
}

TEST_CASE("stress: thirty create and remove five files", "[stress]") {
  stressed v;
  const int n = rounds(1000);
  v.run(30, [n](auto& fs, int number) -> awaitable<void> {
    dice d(static_cast<std::uint64_t>(number));
    for (int i = 0; i < n; ++i) {
      const std::string path = "/shared" + std::to_string(d.below(5));
      if (d.one_in(2)) {
        auto f = co_await ready(fs.open(path, open_mode::create));
        allow(f, {errc::already_exists});
        if (f) {
          co_await let_others(d);
          const auto written = co_await ready(f.value().write(buffer(path)));
          allow(written, {});
        }
      } else {
        const auto removed = co_await ready(fs.remove(path));
        allow(removed, {errc::not_found, errc::busy});
      }
    }
  });
}

TEST_CASE("stress: twenty write and twenty read one file, which is always whole", "[stress]") {
  stressed v;
  v.fs().write_file("/f", buffer(std::string(128, 'a'))).value();
  const int n = rounds(200);
  v.run(40, [n](auto& fs, int number) -> awaitable<void> {
    const std::string half(64, static_cast<char>('a' + number % 26));
    const open_mode mode = number % 4 < 2 ? open_mode::read : open_mode::write;
    dice d(static_cast<std::uint64_t>(number));
    for (int i = 0; i < n; ++i) {
      auto f = co_await ready(fs.open("/f", mode));
      if (mode == open_mode::write) {
        for (int twice = 0; twice < 2; ++twice) {
          const auto written = co_await ready(f.value().write(buffer(half)));
          require(written.has_value(), "there is room for it");
          co_await let_others(d);
        }
        continue;
      }
      co_await let_others(d);
      const auto read = co_await ready(f.value().read_all());
      const std::string content = text_of(read.value());
      require(content == std::string(128, content.empty() ? '?' : content[0]), "it is whole");
    }
  });
}

TEST_CASE("stress: forty open and remove one file, in turn and from under each other",
          "[stress][remove]") {
  stressed v;
  const int n = rounds(300);
  v.fs().create_directory("/d").value();
  v.run(40, [n](auto& fs, int number) -> awaitable<void> {
    const std::string half(64, static_cast<char>('a' + number % 26));
    dice d(static_cast<std::uint64_t>(number));
    for (int i = 0; i < n; ++i) {
      const auto what = d.below(8);
      if (what == 0) {
        const remove_options waits{.open = if_open::wait, .timeout = lock_timeout::forever()};
        const auto removed = co_await ready(fs.remove("/d/f", waits));
        allow(removed, {errc::not_found});
      } else if (what == 1) {
        const remove_options soon{.open = if_open::wait, .timeout = std::chrono::microseconds(10)};
        const auto removed = co_await ready(fs.remove("/d/f", soon));
        allow(removed, {errc::not_found, errc::timed_out});
      } else if (what == 2) {
        const remove_options keeps{.open = if_open::keep_unnamed};
        const auto removed = co_await ready(fs.remove("/d/f", keeps));
        allow(removed, {errc::not_found});
      } else if (what <= 4) {
        auto f = co_await ready(fs.open("/d/f", open_mode::write));
        allow(f, {});
        for (int twice = 0; twice < 2; ++twice) {
          const auto written = co_await ready(f.value().write(buffer(half)));
          require(written.has_value(), "there is room for it");
          co_await let_others(d);
        }
      } else {
        auto f = co_await ready(fs.open("/d/f", open_mode::read));
        allow(f, {errc::not_found});
        if (!f) continue;
        co_await let_others(d);
        const auto read = co_await ready(f.value().read_all());
        const std::string content = text_of(read.value());
        require(content.empty() || content == std::string(128, content[0]), "it is whole");
      }
    }
  });
  const auto last = v.fs().remove("/d/f");
  allow(last, {errc::not_found});
  CHECK(v.stats().file_count == 0);
}

TEST_CASE("stress: files move, with their directories and alone, as soon as they are free",
          "[stress][rename]") {
  stressed v;
  for (const char* const place : {"/d", "/e"}) v.fs().create_directory(place).value();
  const int n = rounds(2000);
  v.run(16, [n](auto& fs, int number) -> awaitable<void> {
    const std::array<std::string, 4> paths{"/d/f", "/e/f", "/d/n/f", "/e/n/f"};
    const std::string half(64, static_cast<char>('a' + number));
    dice d(static_cast<std::uint64_t>(number));
    for (int i = 0; i < n; ++i) {
      const std::string from = paths[d.below(paths.size())], to = paths[d.below(paths.size())];
      const lock_timeout patience =
          d.one_in(3) ? lock_timeout(std::chrono::microseconds(10)) : lock_timeout::forever();
      const rename_options waits{if_exists::replace, if_open::wait, patience};
      const rename_options keeps{if_exists::replace, if_open::keep_unnamed, {}};
      switch (d.below(9)) {
        case 0: {
          const auto moved = co_await ready(fs.move(from, to, waits));
          allow(moved, {errc::not_found, errc::timed_out});
          break;
        }
        case 1: {
          const auto moved = co_await ready(fs.rename(from, to, keeps));
          allow(moved, {errc::not_found, errc::busy});
          break;
        }
        case 2: {
          const bool forth = d.one_in(2);
          const auto moved =
              co_await ready(fs.rename(forth ? "/d/n" : "/e/n", forth ? "/e/n" : "/d/n", waits));
          allow(moved, {errc::not_found, errc::timed_out, errc::directory_not_empty});
          break;
        }
        case 3: {
          const remove_options removing{if_open::wait, patience};
          const auto removed =
              co_await ready(fs.remove_tree(d.one_in(2) ? "/d/n" : "/e/n", removing));
          allow(removed, {errc::not_found, errc::timed_out});
          break;
        }
        case 4: {
          const copy_options copying{if_exists::replace, if_open::wait, patience};
          const auto copied = co_await ready(fs.copy(from, to, copying));
          allow(copied, {errc::not_found, errc::timed_out, errc::already_exists});
          break;
        }
        case 5:
        case 6: {
          auto f = co_await ready(fs.open(from, open_mode::write));
          allow(f, {errc::not_found});
          for (int twice = 0; f && twice < 2; ++twice) {
            const auto written = co_await ready(f.value().write(buffer(half)));
            require(written.has_value(), "there is room for it");
            co_await let_others(d);
          }
          break;
        }
        default: {
          auto f = co_await ready(fs.open(from, open_mode::read));
          allow(f, {errc::not_found});
          if (!f) continue;
          co_await let_others(d);
          const auto read = co_await ready(f.value().read_all());
          const std::string content = text_of(read.value());
          require(content.empty() || content == std::string(128, content[0]), "it is whole");
        }
      }
    }
  });
  for (const char* const place : {"/d", "/e"}) v.fs().remove_tree(place).value();
  CHECK(v.stats().file_count == 0);
  CHECK(v.stats().used_bytes == 0);
  CHECK(v.stats().waiting == 0);
}

TEST_CASE("stress: forty write more than there is room for", "[stress]") {
  constexpr std::uint64_t quota = 512 * 1024;
  stressed v({.max_quota = quota});
  const int n = rounds(500);
  v.run(40, [n](auto& fs, int number) -> awaitable<void> {
    const std::string path = "/big" + std::to_string(number);
    const std::string content(16 * 1024, static_cast<char>('a' + number % 26));
    dice d(static_cast<std::uint64_t>(number));
    for (int i = 0; i < n; ++i) {
      const auto written = co_await ready(fs.write_file(path, buffer(content)));
      allow(written, {errc::quota_exceeded});
      const auto stats = co_await ready(fs.stats());
      require(stats.value().used_bytes <= quota, "the quota holds");
      co_await let_others(d);
      if (!written) continue;
      const auto removed = co_await ready(fs.remove(path));
      allow(removed, {});
    }
  });
  CHECK(v.stats().peak_bytes <= quota);
}

TEST_CASE("stress: forty write more than there is room for, and wait for it", "[stress][space]") {
  constexpr std::uint64_t quota = 256 * 1024;
  stressed v({.max_quota = quota, .default_lock_timeout = lock_timeout::forever()});
  const int n = rounds(100);
  v.run(40, [n](auto& fs, int number) -> awaitable<void> {
    const std::string path = "/big" + std::to_string(number);
    const std::string content(static_cast<std::size_t>(1 + number) * 1024, 'x');
    open_options waits;
    waits.on_full = when_full::wait;
    dice d(static_cast<std::uint64_t>(number));
    for (int i = 0; i < n; ++i) {
      auto f = co_await ready(fs.open(path, open_mode::create, waits));
      allow(f, {});
      const auto written = co_await ready(f.value().write(buffer(content)));
      require(written.has_value(), "who waits for room gets it");
      f.value().close().value();
      co_await let_others(d);
      const auto removed = co_await ready(fs.remove(path));
      allow(removed, {});
    }
  });
  CHECK(v.stats().peak_bytes <= quota);
}

TEST_CASE("stress: twenty create, list and remove four directories", "[stress]") {
  stressed v;
  const int n = rounds(500);
  v.run(20, [n](auto& fs, int number) -> awaitable<void> {
    dice d(static_cast<std::uint64_t>(number));
    for (int i = 0; i < n; ++i) {
      const std::string directory = "/d" + std::to_string(d.below(4));
      const std::string path = directory + "/" + std::to_string(number);
      const auto made = co_await ready(fs.create_directories(directory));
      allow(made, {});
      const auto written = co_await ready(fs.write_file(path, buffer(path)));
      allow(written, {errc::not_found});
      co_await let_others(d);
      const auto names = co_await ready(fs.list(directory));
      allow(names, {errc::not_found});
      if (names)
        require(std::is_sorted(names.value().begin(), names.value().end()), "it is sorted");
      const auto page = co_await ready(fs.list_some(directory, path, 8));
      allow(page, {errc::not_found});
      const auto entries = co_await ready(fs.list_entries("/"));
      allow(entries, {});
      std::set<std::uint64_t> ids;
      for (const directory_entry& e : entries.value())
        require(e.status.id != 0 && ids.insert(e.status.id).second, "each has an id of its own");
      const auto emptied = co_await ready(fs.remove_directory(directory));
      allow(emptied, {errc::not_found, errc::directory_not_empty});
      const auto removed = co_await ready(fs.remove_tree(directory));
      allow(removed, {errc::not_found, errc::busy});
    }
  });
}

TEST_CASE("stress: who looks at a file sees each write as one step", "[stress]") {
  stressed v;
  v.fs().write_file("/f", {}).value();
  const int n = rounds(500);
  v.run(16, [n](auto& fs, int number) -> awaitable<void> {
    const std::string content(100, 'x');
    dice d(static_cast<std::uint64_t>(number));
    std::uint64_t generation = 0;
    for (int i = 0; i < n; ++i) {
      if (number < 4) {
        auto f = co_await ready(fs.open("/f", open_mode::write));
        co_await let_others(d);
        const auto written = co_await ready(f.value().write(buffer(content)));
        allow(written, {});
      } else {
        const auto seen = co_await ready(fs.stat("/f"));
        const file_status& s = seen.value();
        require(s.size == 0 || s.size == content.size(), "a write is one step");
        require(s.generation >= generation, "generations go up");
        generation = s.generation;
        co_await let_others(d);
      }
    }
  });
  CHECK(v.fs().stat("/f").value().generation == static_cast<std::uint64_t>(4 * 2 * n));
}

}  // namespace coramfs::tests
