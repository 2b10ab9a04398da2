// SPDX-License-Identifier: BSL-1.0
// Exports that are awaited: on which threads the host is called, cancellations, and waits.
#include <coramfs/host.hpp>

#include "api/coroutines.hpp"
#include "support/await_waiting.hpp"
#include "unit/integrations/host/host_calls.hpp"
#include "unit/integrations/host/scratch.hpp"

#include <asio/buffer.hpp>
#include <asio/executor_work_guard.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace coramfs::tests {

namespace {

using tree = std::map<std::string, std::string>;

}  // namespace

TEST_CASE("export_to_host: no call of the host's is made on the awaiting executor", "[host]") {
  const scratch s;
  const auto v = volume::create().value();
  sync::file_system threads(v);
  for (int i = 0; i < 10; ++i) threads.write_text("/f" + std::to_string(i), "content").value();
  threads.create_directories("/d/e").value();
  asio::io_context context;
  file_system fs(context, v);
  blocking_pool pool(1);
  host_options options;
  options.pool = &pool;
  const auto here = std::this_thread::get_id();
  std::atomic<int> calls{0}, calls_here{0}, ended{0};
  {
    const host_call_watch watch([&](std::string_view) {
      ++calls;
      if (std::this_thread::get_id() == here) ++calls_here;
    });
    spawn(context, [&]() -> asio::awaitable<void> {
      const auto done = co_await export_to_host(fs, "/", s / "out", options);
      ended += done.has_value() ? 1 : 0;
      const auto again = co_await export_to_host(fs, "/", s / "out", options);
      ended += error_of(again) == errc::already_exists ? 1 : 0;
    });
    context.run();
    // What the last one has open is closed by the pool.
    bool is_idle = false;
    context.restart();
    spawn(context, [&]() -> asio::awaitable<void> {
      is_idle = (co_await offload(pool, [] {})).has_value();
    });
    context.run();
    CHECK(is_idle);
  }
  CHECK(ended == 2);
  CHECK(calls > 20);
  CHECK(calls_here == 0);
}

TEST_CASE("export_to_host: cancelled it leaves whole files only", "[host][cancellation]") {
  const auto v = volume::create().value();
  sync::file_system threads(v);
  threads.write_text("/a", "whole").value();
  threads.write_text("/b", std::string(8 << 20, 'b')).value();
  threads.write_text("/c", "after").value();
  const bool dies = GENERATE(false, true), with_least = GENERATE(false, true);
  const least_host host(with_least);
  const scratch s;
  std::atomic<int> writes{0};
  std::atomic<bool> go_on{false};
  std::optional<error> why;
  {
    blocking_pool pool(1);
    const host_call_watch watch([&](std::string_view call) {
      // Stops before the third piece of /b.
      if (call == "writev" && ++writes == 4) await([&] { return go_on.load(); });
    });
    host_options options;
    options.pool = &pool;
    options.parallel = 1;
    auto context = std::make_unique<asio::io_context>();
    file_system fs(*context, v);
    asio::cancellation_signal signal;
    spawn(*context, signal, [&]() -> asio::awaitable<void> {
      const auto done = co_await export_to_host(fs, "/", s.path(), options);
      why = error_of(done);
    });
    auto work = asio::make_work_guard(*context);
    while (writes < 4) context->poll();
    if (dies) {
      work.reset();
      context.reset();
      go_on = true;
    } else {
      signal.emit(asio::cancellation_type::terminal);
      context->poll();
      CHECK(!why);
      go_on = true;
      while (!why) context->run_one();
      CHECK(*why == errc::canceled);
      work.reset();
    }
    // The pool's destructor waits for what the export has left to it.
  }
  CHECK(writes == 4);
  CHECK(tree_of(s.path()) == tree{{"a", "whole"}});
  CHECK(v.stats().open_handles == 0);
}

TEST_CASE("export_to_host: small files are handed over many at a time, and large ones few",
          "[host]") {
  struct setting {
    std::size_t files, size, batches;
  };
  // Of small files 32 go together, of others those that have 1 MiB in all.
  const auto [files, size, batches] =
      GENERATE(setting{640, 10, 640 / 32}, setting{40, 300'000, 40 / 4});
  const scratch s;
  const auto v = volume::create().value();
  sync::file_system threads(v);
  for (std::size_t i = 0; i < files; ++i)
    threads.write_text("/" + std::to_string(i), std::string(size, 'x')).value();
  asio::io_context context;
  file_system fs(context, v);
  blocking_pool pool(1);
  host_options options;
  options.pool = &pool;
  std::optional<std::uint64_t> written;
  spawn(context, [&]() -> asio::awaitable<void> {
    const auto done = co_await export_to_host(fs, "/", s / "out", options);
    written = done.value();
  });
  std::size_t turns = 0;
  while (context.run_one() > 0) ++turns;
  CHECK(written == files);
  // To resume a coroutine takes two turns at most.
  CHECK(turns >= batches);
  CHECK(turns <= 2 * batches + 20);
}

TEST_CASE("export_to_host: a cancellation is heard between two of the files that go together",
          "[host][cancellation]") {
  constexpr int most = 5, files = 30;
  const auto v = volume::create().value();
  sync::file_system threads(v);
  for (int i = 0; i < files; ++i) threads.write_text("/" + std::to_string(i), "small").value();
  const scratch s;
  std::atomic<int> writes{0};
  std::atomic<bool> go_on{false};
  std::optional<error> why;
  {
    blocking_pool pool(1);
    const host_call_watch watch([&](std::string_view call) {
      if (call == "writev" && ++writes == most) await([&] { return go_on.load(); });
    });
    host_options options;
    options.pool = &pool;
    asio::io_context context;
    file_system fs(context, v);
    asio::cancellation_signal signal;
    spawn(context, signal, [&]() -> asio::awaitable<void> {
      const auto done = co_await export_to_host(fs, "/", s.path(), options);
      why = error_of(done);
    });
    auto work = asio::make_work_guard(context);
    while (writes < most) context.poll();
    signal.emit(asio::cancellation_type::terminal);
    go_on = true;
    while (!why) context.run_one();
    CHECK(*why == errc::canceled);
  }
  CHECK(writes == most);
  CHECK(tree_of(s.path()).size() <= most);
  CHECK(v.stats().pins == 0);
}

TEST_CASE("export_to_host: a pool that is stopped cancels it", "[host][cancellation]") {
  const scratch s;
  const auto v = volume::create().value();
  sync::file_system threads(v);
  threads.write_text("/a", "1").value();
  auto pool = std::make_unique<blocking_pool>();
  host_options options;
  options.pool = pool.get();
  asio::io_context context;
  file_system fs(context, v);
  std::optional<error> why;
  auto operation = export_to_host(fs, "/", s / "out", options);
  pool.reset();
  spawn(context, [&, op = std::move(operation)]() mutable -> asio::awaitable<void> {
    const auto done = co_await std::move(op);
    why = error_of(done);
  });
  context.run();
  CHECK(*why == errc::canceled);
  CHECK(!std::filesystem::exists(s / "out"));
}

TEST_CASE("export_to_host: waits for a writer, and leaves out what has gone", "[host]") {
  const scratch s;
  const auto v = volume::create().value();
  sync::file_system threads(v);
  threads.write_text("/a", "1").value();
  threads.write_text("/b", "2").value();
  threads.write_text("/c", "3").value();
  auto writer = threads.open("/a", open_mode::update).value();
  asio::io_context context;
  file_system fs(context, v);
  std::optional<result<std::uint64_t>> made;
  spawn(context, [&]() -> asio::awaitable<void> {
    made.emplace(co_await export_to_host(fs, "/", s.path()));
  });
  while (v.stats().waiting == 0) context.run_one();
  // Those of the context, which it has for the wait, and the directory.
  const std::size_t descriptors = open_descriptors();
  threads.remove("/b").value();
  writer.write(asio::buffer("written", 7)).value();
  writer.close().value();
  context.run();
  CHECK(made->value() == 2);
  CHECK(tree_of(s.path()) == tree{{"a", "written"}, {"c", "3"}});
  // The library's pool closes what is open, soon.
  await([&] { return open_descriptors() < descriptors; });
}

}  // namespace coramfs::tests
