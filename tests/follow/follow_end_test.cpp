// SPDX-License-Identifier: BSL-1.0
// How a file that is followed ends, and what is left of those who do not come to its end.
#include <coramfs/asio.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/read.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace coramfs::tests {

namespace {

constexpr lock_timeout at_once = lock_timeout::immediate();

sync::file grow(sync::file_system& fs, std::string path, open_mode mode = open_mode::write,
                on_abandon then = on_abandon::remove) {
  return fs.open(path, mode, {.timeout = at_once, .followable = true, .abandoned = then}).value();
}

}  // namespace

// The memory checkers see what it does wrong.
TEST_CASE("follow: the last that has the volume may be a context with follows that have ended",
          "[follow][context]") {
  const bool is_written = GENERATE(false, true);
  std::optional<asio::io_context> context(std::in_place);
  std::optional<volume> v = volume::create().value();
  std::optional<sync::file_system> threads(std::in_place, *v);
  std::optional<sync::file> w;
  for (int i = 0; i < 20; ++i)
    threads->write_file("/f" + std::to_string(i), std::string(5000, 'x')).value();
  if (is_written) w = grow(*threads, "/f1");
  std::optional<file_system> fs(std::in_place, context->get_executor(), *v);
  bool is_called = false;
  for (int i = 0; i < 20; ++i)
    fs->follow("/f" + std::to_string(i), {}, [&](const result<follower>&) { is_called = true; });
  w.reset();
  fs.reset();
  threads.reset();
  v.reset();
  context.reset();
  CHECK(!is_called);
}

TEST_CASE("follow: a context that dies with follows gives back their places", "[follow][context]") {
  sync::file_system threads(volume::create().value());
  auto w = grow(threads, "/f");
  for (int round = 0; round < 101; ++round) {
    asio::io_context context;
    const file_system fs(context.get_executor(), threads.get_volume());
    for (int i = 0; i < 100; ++i) fs.follow("/f", {}, [](const result<follower>&) {});
  }
  CHECK(threads.follow("/f").has_value());
  CHECK(threads.stats().value().open_handles == 1);
}

TEST_CASE("follow: an open whose handler is never called leaves nothing that passes for a file",
          "[follow][context]") {
  const bool is_there = GENERATE(false, true);
  const on_abandon then = GENERATE(on_abandon::remove, on_abandon::keep);
  sync::file_system threads(volume::create().value());
  if (is_there) threads.write_file("/f", "old content").value();
  std::optional<asio::io_context> context(std::in_place);
  std::optional<file_system> fs(std::in_place, context->get_executor(), threads.get_volume());
  fs->open("/f", open_mode::write, {.followable = true, .abandoned = then},
           [](const result<file>&) {});
  auto early = threads.follow("/f").value();
  CHECK(early.state() == follow_state::growing);
  fs.reset();
  context.reset();
  CHECK(error_of(early.next()) == errc::abandoned);
  early = sync::follower();
  CHECK(threads.exists("/f").value() == (then == on_abandon::keep));
  if (then == on_abandon::keep) {
    auto late = threads.follow("/f").value();
    CHECK(late.state() == follow_state::abandoned);
    CHECK(error_of(late.next()) == errc::abandoned);
    late = sync::follower();
    threads.remove("/f").value();
  }
  CHECK(threads.stats().value().used_bytes == 0);
}

TEST_CASE("follow: an append whose handler is never called leaves the file as it was",
          "[follow][context]") {
  sync::file_system threads(volume::create().value());
  threads.write_file("/f", "old content").value();
  std::optional<asio::io_context> context(std::in_place);
  std::optional<file_system> fs(std::in_place, context->get_executor(), threads.get_volume());
  fs->open("/f", open_mode::append, {.followable = true}, [](const result<file>&) {});
  auto early = threads.follow("/f").value();
  fs.reset();
  context.reset();
  CHECK(early.state() == follow_state::abandoned);
  CHECK(threads.read_text("/f").value() == "old content");
  CHECK(threads.follow("/f").value().state() == follow_state::complete);
}

TEST_CASE("follow: no error of a writer passes for an end, or for one of the follower's own",
          "[follow][api]") {
  const error own =
      GENERATE(error(std::error_code(asio_error_code(asio::error::eof))),
               error(std::error_code(asio_error_code(asio::error::operation_aborted))),
               error(errc::timed_out), error(errc::canceled), error(errc::would_block),
               error(errc::invalid_argument), error(errc::not_open), error(errc::out_of_memory),
               error(std::error_code()));
  const volume v = volume::create().value();
  sync::file_system threads(v);
  asio::io_context context;
  const file_system fs(context.get_executor(), v);
  auto f = threads.follow("/none");
  std::optional<follower> g;
  const auto follow = [&] {
    f = threads.follow("/f");
    fs.follow("/f", {}, [&](result<follower> followed) { g = std::move(followed).value(); });
    context.restart();
    context.run();
  };
  if (GENERATE(false, true)) {
    auto w = grow(threads, "/f");
    w.write(std::string("half")).value();
    follow();
    w.abandon(own).value();
  } else {
    std::optional<file> w;
    fs.open("/f", open_mode::write, {.followable = true},
            [&](result<file> opened) { w = std::move(opened).value(); });
    context.run();
    asio_error_code ec;
    w->write_some(asio::buffer("half", 4), ec);
    follow();
    w->abandon(own).value();
  }
  CHECK(f.value().next().value().size() == 4);
  CHECK(error_of(f.value().next()) == errc::abandoned);
  std::string all;
  asio_error_code ec;
  asio::async_read(*g, asio::dynamic_buffer(all),
                   [&](asio_error_code why, std::size_t) { ec = why; });
  context.restart();
  context.run();
  CHECK(all == "half");
  CHECK(ec == errc::abandoned);
}

TEST_CASE("follow: a file can not be finished while a write of it goes on", "[follow][api]") {
  asio::io_context context;
  const file_system fs(context.get_executor(), volume::create().value());
  std::optional<file> w;
  fs.open("/f", open_mode::write, {.followable = true},
          [&](result<file> opened) { w = std::move(opened).value(); });
  context.run();
  const std::string much(8 << 20, 'x');
  std::optional<result<std::size_t>> written;
  w->write(asio::buffer(much), [&](result<std::size_t> done) { written = done; });
  CHECK(error_of(w->finish()) == errc::busy);
  sync::file_system threads(fs.get_volume());
  auto f = threads.follow("/f", {.patience = at_once}).value();
  CHECK(f.state() == follow_state::growing);
  context.restart();
  context.run();
  CHECK(written->value() == much.size());
  w->finish().value();
  CHECK(f.committed() == much.size());
}

TEST_CASE("follow: a finished file has nothing paid for ahead", "[follow][api]") {
  sync::file_system fs(volume::create().value());
  auto w = grow(fs, "/f");
  w.reserve(50 << 20).value();
  w.write(std::string("x")).value();
  w.announce(2).value();
  CHECK(error_of(w.finish()) == errc::invalid_argument);
  CHECK(fs.stats().value().used_bytes > (50 << 20));
  w.write(std::string("y")).value();
  w.finish().value();
  CHECK(fs.stats().value().used_bytes < (2 << 20));
  CHECK(error_of(w.reserve(60 << 20)) == errc::not_supported);
  CHECK(fs.stats().value().used_bytes < (2 << 20));
}

TEST_CASE("follow: an announcement that is paid for gives back what was prepared",
          "[follow][api]") {
  sync::file_system fs(volume::create().value());
  auto w = grow(fs, "/f");
  w.prepare(100).value();
  w.announce(1000).value();
  w.commit(100).value();
  w.prepare(100).value();
  w.announce(1000, true).value();
  CHECK(error_of(w.commit(100)) == errc::invalid_argument);
}

TEST_CASE("follow: who follows a file is among its handles, and named by errors", "[follow][api]") {
  sync::file_system fs(volume::create().value());
  const volume v = fs.get_volume();
  auto w = grow(fs, "/f");
  w.write(std::string("x")).value();
  auto f = fs.follow("/f").value();
  auto moved = std::move(f);
  f = fs.follow("/f").value();
  CHECK(v.open_handles().value().size() == 3);
  w.finish().value();
  w.close().value();
  const auto open = v.open_handles().value();
  CHECK(open.size() == 2);
  for (const open_handle& h : open) {
    CHECK(h.path == "/f");
    CHECK(h.mode == open_mode::read);
  }
  const error busy = error_of(fs.remove("/f"));
  CHECK(busy == errc::busy);
  CHECK(busy.message().find("(read)") != std::string::npos);
  f = sync::follower();
  moved = sync::follower();
  CHECK(v.open_handles().value().empty());
  fs.remove("/f").value();
}

TEST_CASE("follow: a file that is finished is never waited for while it is closed",
          "[follow][threads]") {
  for (int round = 0; round < 300; ++round) {
    sync::file_system fs(volume::create().value());
    auto w = grow(fs, "/f");
    for (int i = 0; i < 20; ++i) w.write(std::string(60'000, 'x')).value();
    w.finish().value();
    std::atomic<bool> goes = false, is_closed = false;
    error refused{std::error_code()};
    std::thread follows([&] {
      goes = true;
      for (bool is_last = false; !is_last;) {
        is_last = is_closed;
        const auto f = fs.follow("/f", {.patience = at_once});
        if (!f) refused = f.error();
      }
    });
    while (!goes) std::this_thread::yield();
    w.close().value();
    is_closed = true;
    follows.join();
    CHECK(!refused.code());
  }
}

}  // namespace coramfs::tests
