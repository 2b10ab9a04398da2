// SPDX-License-Identifier: BSL-1.0
// Threads and coroutines that are short of space at the same time, and what answers them.
#include <coramfs/least_recently_used.hpp>
#include <coramfs/reclaim_on.hpp>

#include "reclaim/asked.hpp"

#include "support/catch.hpp"
#include "support/dice.hpp"
#include "support/seeds.hpp"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>

#include <atomic>
#include <exception>
#include <thread>

namespace coramfs::tests {

namespace {

constexpr std::size_t most = 4000;

struct load {
  std::atomic<std::uint64_t> written{0}, wrong{0};

  void count(const error& e) {
    if (!e.code()) {
      ++written;
    } else if (e != errc::quota_exceeded && e != errc::busy && e != errc::timed_out) {
      ++wrong;
    }
  }
};

void use(sync::file_system fs, std::uint64_t seed, std::uint64_t rounds, load& all) {
  dice d(seed);
  for (std::uint64_t i = 0; i < rounds; ++i) {
    const std::string path = "/" + std::to_string(d.below(64));
    if (d.one_in(2)) {
      static_cast<void>(fs.read_file(path));
    } else if (d.one_in(2)) {
      all.count(error_of(fs.write_file(path, content_of(1 + d.below(most)))));
    } else {
      open_options waits;
      waits.on_full = when_full::wait;
      // All that is there may be in files of those who wait.
      waits.timeout = std::chrono::milliseconds(10);
      auto f = fs.open(path, open_mode::append, waits);
      if (f) all.count(error_of(f.value().write(content_of(1 + d.below(most)))));
    }
  }
}

asio::awaitable<void> use_there(file_system fs, std::uint64_t seed, std::uint64_t rounds,
                                load& all) {
  dice d(seed);
  for (std::uint64_t i = 0; i < rounds; ++i) {
    const std::string path = "/" + std::to_string(d.below(64));
    const std::string content = xs(1 + d.below(most));
    if (d.one_in(2)) {
      static_cast<void>(co_await fs.read_file(path));
    } else {
      const auto written = co_await fs.write_file(path, buffer_of(content));
      all.count(error_of(written));
    }
  }
}

void run(const volume& v, std::uint64_t rounds) {
  load all;
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < 3; ++i)
    threads.emplace_back([&, i] { use(sync::file_system(v), i, rounds, all); });
  asio::io_context context{1};
  for (std::uint64_t i = 0; i < 4; ++i)
    asio::co_spawn(context,
                   use_there(file_system(context.get_executor(), v), 100 + i, rounds / 4, all),
                   [&](std::exception_ptr thrown) { all.wrong += thrown != nullptr; });
  threads.emplace_back([&] { context.run(); });
  for (std::thread& t : threads) t.join();
  CHECK(all.wrong == 0);
  CHECK(all.written > rounds / 4);
  const volume_stats s = v.stats();
  CHECK(s.waiting == 0);
  CHECK(s.used_bytes <= s.quota_bytes);
  sync::file_system fs(v);
  for (const std::string& name : fs.list("/").value()) fs.remove("/" + name).value();
  CHECK(v.stats().used_bytes == 0);
  // Nothing is set aside for nobody.
  fs.write_file("/all", content_of(v.stats().quota_bytes)).value();
}

volume_options small(reclaim_callback reclaim) {
  volume_options o = thousand(std::move(reclaim));
  o.max_quota = 30'000;
  o.default_lock_timeout = std::chrono::seconds(60);
  return o;
}

constexpr std::uint64_t rounds = 20'000 / sanitizer_slowness;

}  // namespace

TEST_CASE("reclaim: threads and coroutines over a cache", "[reclaim][lru][threads]") {
  run(volume::create(small(least_recently_used())).value(), rounds);
}

TEST_CASE("reclaim: threads and coroutines over a cache whose coroutine has a thread of its own",
          "[reclaim][lru][threads]") {
  asio::io_context context{1};
  auto work = asio::make_work_guard(context);
  std::thread runs([&] { context.run(); });
  run(volume::create(small(least_recently_used_on(context.get_executor()))).value(), rounds);
  work.reset();
  runs.join();
}

}  // namespace coramfs::tests
