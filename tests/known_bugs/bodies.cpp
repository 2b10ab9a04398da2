// SPDX-License-Identifier: BSL-1.0
#include "known_bugs/bodies.hpp"

#include <coramfs/file_system.hpp>
#include <coramfs/rw_lock.hpp>

#include "known_bugs/small_lock.hpp"

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <stdexcept>
#include <string>

namespace coramfs::tests {

namespace {

using asio::awaitable;
using testing::simulation;

awaitable<void> post_times(int times) {
  for (int i = 0; i < times; ++i) co_await asio::post(asio::use_awaitable);
}

void require(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

// Three want the lock, and one of them is cancelled, at a moment when it waits, or has been granted
// the lock and does not know, or has it, or has not asked yet.
void cancel_one_of_three(simulation& sim, fault f) {
  auto& lock = sim.keep<small_lock>(sim, f);
  const auto use = [&](int later, int longer, const char* name) {
    sim.spawn(
        [&, later, longer, name]() -> awaitable<void> {
          co_await post_times(later);
          if (!co_await lock.acquire(name)) co_return;
          co_await post_times(longer);
          lock.release();
        },
        name);
  };
  use(0, 6, "first");
  use(2, 2, "second");
  use(4, 2, "third");
  sim.spawn(
      [&]() -> awaitable<void> {
        co_await post_times(4);
        lock.cancel("second");
      },
      "canceller");
  sim.run();
}

struct volume_on {
  explicit volume_on(simulation& sim)
      : v(volume::create(sim.options({.default_lock_timeout = lock_timeout::forever()})).value()),
        fs(sim.get_executor(), v) {}

  volume v;
  file_system fs;
};

// Two uploads of one name: who comes first makes the folder for both.
void make_a_folder_twice(simulation& sim, bool has_bug) {
  auto& on = sim.keep<volume_on>(sim);
  const auto upload = [&](int later, const char* name) {
    sim.spawn(
        [&, later]() -> awaitable<void> {
          co_await post_times(later);
          if (!has_bug) {
            auto made = co_await on.fs.create_directory("/in");
            require(made || made.error() == errc::already_exists, "the folder is made");
            co_return;
          }
          const auto is_there = co_await on.fs.exists("/in");
          if (is_there.value()) co_return;
          // Asks whether there is room on another server, for instance.
          co_await post_times(2);
          auto made = co_await on.fs.create_directory("/in");
          require(made.has_value(), "the folder is made");
        },
        name);
  };
  upload(0, "early");
  upload(8, "late");
  sim.run();
}

awaitable<int> number_in(file& f) {
  std::string text(4, '0');
  const auto read = co_await f.read_at(0, asio::buffer(text));
  read.value();
  co_return std::stoi(text);
}

awaitable<void> write_number(file& f, int number) {
  const std::string digits = std::to_string(10'000 + number).substr(1);
  const auto written = co_await f.write_at(0, asio::buffer(digits));
  written.value();
}

// Three count in a file. The one with the bug lets go of it between reading and writing.
void count_in_a_file(simulation& sim, bool has_bug) {
  auto& on = sim.keep<volume_on>(sim);
  sim.run([&]() -> awaitable<void> {
    auto f = co_await on.fs.open("/count", open_mode::create);
    co_await write_number(f.value(), 0);
  });
  for (int i = 0; i < 3; ++i)
    sim.spawn(
        [&, i]() -> awaitable<void> {
          co_await post_times(6 * i);
          if (!has_bug) {
            auto f = co_await on.fs.open("/count", open_mode::update);
            const int seen = co_await number_in(f.value());
            co_await post_times(2);
            co_await write_number(f.value(), seen + 1);
            co_return;
          }
          int seen = 0;
          {
            auto f = co_await on.fs.open("/count", open_mode::read);
            seen = co_await number_in(f.value());
          }
          co_await post_times(2);
          auto f = co_await on.fs.open("/count", open_mode::update);
          co_await write_number(f.value(), seen + 1);
        },
        "counter " + std::to_string(i));
  sim.run();
  const int counted = sim.run([&]() -> awaitable<int> {
    auto f = co_await on.fs.open("/count", open_mode::read);
    co_return co_await number_in(f.value());
  });
  require(counted == 3, "each is counted");
}

// Two that move something between two files, each of which has both open for it.
void lock_crosswise(simulation& sim, bool has_bug) {
  auto& on = sim.keep<volume_on>(sim);
  const auto move = [&](int later, std::string from, std::string to, const char* name) {
    // What is right is one order for all.
    if (!has_bug && to < from) std::swap(from, to);
    sim.spawn(
        [&, later, from, to]() -> awaitable<void> {
          co_await post_times(later);
          auto first = co_await on.fs.open(from, open_mode::append);
          co_await post_times(1);
          auto second = co_await on.fs.open(to, open_mode::append);
          co_await post_times(1);
        },
        name);
  };
  move(0, "/a", "/b", "there");
  move(7, "/b", "/a", "and back");
  sim.run();
}

}  // namespace

void spawn_others(simulation& sim) {
  for (int i = 0; i < 4; ++i)
    sim.spawn([i]() -> awaitable<void> { co_await post_times(8 + i); },
              "other " + std::to_string(i));
}

std::vector<known_bug> known_bugs() {
  return {
      {"a grant that crosses a cancellation is lost",
       [](simulation& sim, bool has_bug) {
         cancel_one_of_three(sim, has_bug ? fault::lost_grant : fault::none);
       }},
      {"who waits is skipped when another gives back what it was granted",
       [](simulation& sim, bool has_bug) {
         cancel_one_of_three(sim, has_bug ? fault::skipped_waiter : fault::none);
       }},
      {"looked first, and acted after a `co_await`", make_a_folder_twice},
      {"an update between reading and writing is lost", count_in_a_file},
      {"two files locked in two orders", lock_crosswise},
  };
}

}  // namespace coramfs::tests
