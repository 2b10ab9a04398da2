// SPDX-License-Identifier: BSL-1.0
// Imports that are awaited: on which threads the host is called, cancellations, and dying contexts.
#include <coramfs/host.hpp>

#include "support/await_waiting.hpp"
#include "unit/integrations/host/host_calls.hpp"
#include "unit/integrations/host/import_by.hpp"
#include "unit/integrations/host/scratch.hpp"

#include <asio/executor_work_guard.hpp>
#include <asio/strand.hpp>

#include <atomic>
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

// A file before a large one, one behind it, and directories.
void make_tree(const scratch& s) {
  std::filesystem::create_directories(s / "in/d/empty");
  put(s / "in/a", "first");
  put(s / "in/d/b", std::string(8 << 20, 'b'));
  put(s / "in/e", "last");
}

}  // namespace

TEST_CASE("import_from_host: no call of the host's is made on the awaiting executor", "[host]") {
  const scratch s;
  make_tree(s);
  put(s / "bad\\name", "");
  const auto v = volume::create().value();
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
      const auto done = co_await import_from_host(fs, s / "in", "/to", options);
      ended += done.has_value() && done.value() == 3 ? 1 : 0;
      const auto again = co_await import_from_host(fs, s / "in", "/to", options);
      ended += error_of(again) == errc::already_exists ? 1 : 0;
      const auto bad = co_await import_from_host(fs, s.path(), "/bad", options);
      ended += error_of(bad) == errc::invalid_path ? 1 : 0;
    });
    context.run();
    // What the last ones have open is closed by the pool.
    bool is_idle = false;
    context.restart();
    spawn(context, [&]() -> asio::awaitable<void> {
      is_idle = (co_await offload(pool, [] {})).has_value();
    });
    context.run();
    CHECK(is_idle);
  }
  CHECK(ended == 3);
  CHECK(calls > 20);
  CHECK(calls_here == 0);
}

TEST_CASE("import_from_host: cancelled, or where the context dies, it leaves nothing",
          "[host][cancellation]") {
  const bool dies = GENERATE(false, true);
  // A strand must not be held any more when its context is gone.
  const bool is_on_strand = GENERATE(false, true);
  const int stops_at = GENERATE(1, 2, 4);
  const scratch s;
  make_tree(s);
  const auto v = volume::create().value();
  sync::file_system threads(v);
  threads.write_text("/kept", "kept").value();
  const auto before = v.stats();
  std::atomic<int> reads{0};
  std::atomic<bool> go_on{false};
  std::optional<error> why;
  const std::size_t descriptors = open_descriptors();
  {
    blocking_pool pool(1);
    const host_call_watch watch([&](std::string_view call) {
      // Stops before a piece.
      if (call == "preadv64" && ++reads == stops_at) await([&] { return go_on.load(); });
    });
    host_options options;
    options.pool = &pool;
    options.parallel = 1;
    auto context = std::make_unique<asio::io_context>();
    std::optional<file_system> fs;
    if (is_on_strand) {
      fs.emplace(asio::make_strand(*context), v);
    } else {
      fs.emplace(*context, v);
    }
    asio::cancellation_signal signal;
    spawn(*context, signal, [&]() -> asio::awaitable<void> {
      const auto done = co_await import_from_host(*fs, s / "in", "/to", options);
      why = error_of(done);
    });
    auto work = asio::make_work_guard(*context);
    while (reads < stops_at) context->poll();
    if (dies) {
      work.reset();
      fs.reset();
      // It waits for nothing, and what the kernel reads into stays until it has done so.
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
    // The pool's destructor waits for what the import has left to it.
  }
  CHECK(reads == stops_at);
  CHECK(tree_in(v) == std::map<std::string, std::string>{{"kept", "kept"}});
  const auto after = v.stats();
  CHECK(after.used_bytes == before.used_bytes);
  CHECK(after.open_handles == 0);
  CHECK(after.pins == 0);
  CHECK(open_descriptors() == descriptors);
}

TEST_CASE("import_from_host: cancelled while it waits for a file in use, it leaves all as it was",
          "[host][cancellation]") {
  const scratch s;
  make_tree(s);
  const auto v = volume::create().value();
  sync::file_system threads(v);
  threads.create_directories("/to/d").value();
  threads.write_text("/to/d/b", "old").value();
  const auto before = v.stats();
  const auto reader = threads.open("/to/d/b", open_mode::read).value();
  blocking_pool pool(1);
  host_options options;
  options.pool = &pool;
  options.existing = if_exists::replace;
  options.open = if_open::wait;
  options.timeout = lock_timeout::forever();
  asio::io_context context;
  file_system fs(context, v);
  asio::cancellation_signal signal;
  std::optional<error> why;
  spawn(context, signal, [&]() -> asio::awaitable<void> {
    const auto done = co_await import_from_host(fs, s / "in", "/to", options);
    why = error_of(done);
  });
  while (v.stats().waiting == 0) context.run_one();
  CHECK(!why);
  signal.emit(asio::cancellation_type::terminal);
  context.run();
  CHECK(why.value() == errc::canceled);
  CHECK(tree_in(v) ==
        std::map<std::string, std::string>{{"to/", ""}, {"to/d/", ""}, {"to/d/b", "old"}});
  CHECK(v.stats().used_bytes == before.used_bytes);
  CHECK(v.stats().waiting == 0);
}

TEST_CASE("import_from_host: cancelled it looks at no more names", "[host][cancellation]") {
  const scratch s;
  std::filesystem::create_directory(s / "in");
  for (int i = 0; i < 50; ++i)
    std::filesystem::create_symlink("nowhere", s / ("in/" + std::to_string(i)));
  host_features features;
  features.tells_kinds = false;
  features.apply();
  const auto v = volume::create().value();
  asio::io_context context;
  file_system fs(context, v);
  blocking_pool pool(1);
  host_options options;
  options.pool = &pool;
  options.special = host_links::skip;
  std::atomic<int> looks{0};
  std::atomic<bool> go_on{false};
  std::optional<error> why;
  asio::cancellation_signal signal;
  {
    const host_call_watch watch([&](std::string_view call) {
      if (call == "fstatat64" && ++looks == 10) await([&] { return go_on.load(); });
    });
    spawn(context, signal, [&]() -> asio::awaitable<void> {
      const auto done = co_await import_from_host(fs, s / "in", "/to", options);
      why = error_of(done);
    });
    auto work = asio::make_work_guard(context);
    while (looks < 10) context.poll();
    signal.emit(asio::cancellation_type::terminal);
    context.poll();
    go_on = true;
    while (!why) context.run_one();
  }
  CHECK(*why == errc::canceled);
  CHECK(looks == 10);
  CHECK(tree_in(v).empty());
}

TEST_CASE("import_from_host: cancelled before it begins it does nothing", "[host][cancellation]") {
  const scratch s;
  make_tree(s);
  const auto v = volume::create().value();
  asio::io_context context;
  file_system fs(context, v);
  asio::cancellation_signal signal;
  std::optional<error> why;
  spawn(context, signal, [&]() -> asio::awaitable<void> {
    co_await asio::this_coro::throw_if_cancelled(false);
    signal.emit(asio::cancellation_type::terminal);
    const auto done = co_await import_from_host(fs, s / "in", "/to");
    why = error_of(done);
  });
  context.run();
  CHECK(*why == errc::canceled);
  CHECK(tree_in(v).empty());
}

TEST_CASE("import_from_host: a pool that is stopped cancels it", "[host][cancellation]") {
  const bool is_stopped_before = GENERATE(true, false);
  const scratch s;
  make_tree(s);
  const auto v = volume::create().value();
  auto pool = std::make_unique<blocking_pool>(1);
  host_options options;
  options.pool = pool.get();
  asio::io_context context;
  file_system fs(context, v);
  std::optional<error> why;
  std::atomic<int> reads{0};
  std::atomic<bool> go_on{false};
  {
    const host_call_watch watch([&](std::string_view call) {
      if (call == "preadv64" && ++reads == 2) await([&] { return go_on.load(); });
    });
    auto operation = import_from_host(fs, s / "in", "/to", options);
    if (is_stopped_before) pool.reset();
    spawn(context, [&, op = std::move(operation)]() mutable -> asio::awaitable<void> {
      const auto done = co_await std::move(op);
      why = error_of(done);
    });
    std::thread destroyer;
    if (!is_stopped_before) {
      while (reads < 2) context.poll();
      pool->stop();
      destroyer = std::thread([&] { pool.reset(); });
      go_on = true;
    }
    context.restart();
    context.run();
    if (destroyer.joinable()) destroyer.join();
  }
  CHECK(*why == errc::canceled);
  CHECK(tree_in(v).empty());
  CHECK(v.stats().used_bytes == 0);
  CHECK(v.stats().open_handles == 0);
}

TEST_CASE("import_from_host: others have turns, and several imports share a pool", "[host]") {
  const scratch s;
  make_tree(s);
  const auto v = volume::create().value();
  asio::io_context context;
  file_system fs(context, v);
  blocking_pool pool(2);
  host_options options;
  options.pool = &pool;
  int done = 0;
  for (int i = 0; i < 5; ++i) {
    spawn(context, [&, i]() -> asio::awaitable<void> {
      const auto made =
          co_await import_from_host(fs, s / "in", "/to/" + std::to_string(i), options);
      done += made.has_value() ? 1 : 0;
    });
  }
  context.run();
  CHECK(done == 5);
  for (int i = 0; i < 5; ++i) CHECK(tree_in(v, "/to/" + std::to_string(i)) == tree_of(s / "in"));
}

}  // namespace coramfs::tests
