// SPDX-License-Identifier: BSL-1.0
// What a coroutine's operation takes from the heap: no more than Asio keeps for reuse.
#include <coramfs/file_system.hpp>
#include <coramfs/rw_lock.hpp>

#include "allocation/malloc_faults.hpp"
#include "support/catch.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <array>
#include <cstddef>
#include <exception>
#include <string>
#include <utility>

namespace coramfs::tests {

namespace {

// Bytes: Asio keeps no larger frames, and says so nowhere (asio/detail/thread_info_base.hpp: 255
// units of 4). It asks for one byte more than the frame has, in whole units of 16 where it has
// aligned memory; of a frame that is not kept it asks for more than this in either way.
constexpr std::size_t kept_frame = 1024;

// From Asio 1.24 on a frame that can wait has 48 bytes more, and that of an open is not kept. It is
// allocated each time, and for it Asio gives up what it kept of others.
constexpr bool keeps_opens = CORAMFS_ASIO_VERSION < 102400;

void rethrow(std::exception_ptr thrown) {
  if (thrown) std::rethrow_exception(thrown);
}

/// Runs a coroutine to its end.
template <class Body>
void run(asio::io_context& context, Body body) {
  asio::co_spawn(context, std::move(body), rethrow);
  context.restart();
  context.run();
}

/// Bytes of the frame that a call makes, which is the last that it allocates. Outside of a context
/// nothing is kept for reuse.
template <class Call>
std::size_t frame_of(Call call) {
  const auto unawaited = call();
  return allocation_count::last();
}

struct fixture {
  asio::io_context context;
  volume v = volume::create().value();
  file_system fs{context.get_executor(), v};
};

struct wait_count {
  std::size_t of_the_wait = 1, of_a_post = 0;
};

/// What a call takes that waits for an empty file, in the last of some rounds: the first ones make
/// the frames that Asio keeps.
template <class Call>
asio::awaitable<void> count_in_wait(fixture& t, Call call, wait_count& to) {
  const auto made = co_await t.fs.write_file("/file", asio::const_buffer());
  made.value();
  for (int round = 0; round < 20; ++round) {
    {
      const allocation_count count;
      co_await asio::post(asio::use_awaitable);
      to.of_a_post = count.number();
    }
    auto writer = co_await t.fs.open("/file", open_mode::update);
    asio::post(t.context, [&] { writer.value().close().value(); });
    const allocation_count count;
    auto outcome = co_await call();
    to.of_the_wait = count.number();
    outcome.value();
  }
}

}  // namespace

TEST_CASE("coroutine allocations: to open, read, write and close an existing file takes none",
          "[allocation][coroutines]") {
  fixture t;
  std::array<char, 64> piece{};
  std::size_t allocations = 1;
  run(t.context, [&]() -> asio::awaitable<void> {
    (co_await t.fs.create_directories("/a/b")).value();
    const std::string content(4096, 'x');
    (co_await t.fs.write_file("/a/b/file", asio::buffer(content))).value();
    for (int round = 0; round < 20; ++round) {
      // The first rounds make the frames that Asio keeps.
      const allocation_count count;
      auto f = co_await t.fs.open("/a/b/file", open_mode::update);
      (co_await f.value().read(asio::buffer(piece))).value();
      (co_await f.value().write(asio::buffer(piece))).value();
      (co_await f.value().read_at(1000, asio::buffer(piece))).value();
      (co_await f.value().write_at(1000, asio::buffer(piece))).value();
      f.value().close().value();
      allocations = count.number();
    }
  });
  CHECK(allocations <= (keeps_opens ? 0 : 3));
}

TEST_CASE("coroutine allocations: to wait for a lock takes none but Asio's own",
          "[allocation][coroutines]") {
  fixture t;
  rw_lock lock;
  std::size_t allocations = 0, of_a_post = 0;
  run(t.context, [&]() -> asio::awaitable<void> {
    for (int round = 0; round < 20; ++round) {
      {
        const allocation_count count;
        co_await asio::post(asio::use_awaitable);
        of_a_post = count.number();
      }
      lock.lock();
      asio::post(t.context, [&] { lock.unlock(); });
      const allocation_count count;
      auto hold = co_await lock.acquire();
      allocations = count.number();
    }
  });
  CHECK(allocations <= of_a_post);
}

TEST_CASE("coroutine allocations: to wait for a file takes none but Asio's own",
          "[allocation][coroutines]") {
  fixture t;
  wait_count had;
  SECTION("open") {
    run(t.context, [&] {
      return count_in_wait(
          t, [&] { return t.fs.open("/file", open_mode::read); }, had);
    });
  }
  SECTION("read_file") {
    run(t.context, [&] {
      return count_in_wait(
          t, [&] { return t.fs.read_file("/file"); }, had);
    });
  }
  SECTION("write_file") {
    run(t.context, [&] {
      return count_in_wait(
          t, [&] { return t.fs.write_file("/file", asio::const_buffer()); }, had);
    });
  }
  CHECK(had.of_the_wait <= had.of_a_post + (keeps_opens ? 0 : 1));
}

TEST_CASE("coroutine allocations: frames are such that Asio keeps them",
          "[allocation][coroutines]") {
  fixture t;
  file_system& fs = t.fs;
  rw_lock lock;
  const open_options wait{.on_full = when_full::wait};
  file f;
  run(t.context, [&]() -> asio::awaitable<void> {
    f = (co_await fs.open("/file", open_mode::create, wait)).value();
  });
  const std::string text = "text";
  const auto from = asio::buffer(text);
  bytes moved(10), large(2 << 20);
  CHECK(frame_of([&] { return fs.open("/file", open_mode::read); }) <=
        kept_frame + (keeps_opens ? 0 : 48));
  CHECK(frame_of([&] { return fs.read_file("/file"); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.write_file("/file", from); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.remove_tree("/file"); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.copy("/file", "/other"); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.copy_tree("/file", "/other"); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.export_tree("/"); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.import_tree({}); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.create_directory("/d"); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.create_directories("/d"); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.move("/file", "/other"); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.exists("/file"); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.is_file("/file"); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.is_directory("/file"); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.file_size("/file"); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.stats(); }) <= kept_frame);
  CHECK(frame_of([&] { return f.read_at(0, asio::buffer(moved)); }) <= kept_frame);
  CHECK(frame_of([&] { return f.write_at(0, asio::buffer(large)); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.walk("/"); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.glob("/*"); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.stat("/file"); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.remove("/file"); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.remove("/file", {.open = if_open::wait}); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.remove_directory("/file"); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.rename("/file", "/other"); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.list("/"); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.list_entries("/"); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.list_some("/", "", 100); }) <= kept_frame);
  CHECK(frame_of([&] { return fs.set_modified("/file", {}); }) <= kept_frame);
  CHECK(frame_of([&] { return f.read(asio::buffer(moved)); }) <= kept_frame);
  CHECK(frame_of([&] { return f.read(asio::buffer(large)); }) <= kept_frame);
  CHECK(frame_of([&] { return f.read_all(); }) <= kept_frame);
  CHECK(frame_of([&] { return f.write(from); }) <= kept_frame);
  CHECK(frame_of([&] { return f.write(std::move(moved)); }) <= kept_frame);
  CHECK(frame_of([&] { return f.write_at(0, from); }) <= kept_frame);
  CHECK(frame_of([&] { return f.truncate(10); }) <= kept_frame);
  CHECK(frame_of([&] { return f.prepare(10); }) <= kept_frame);
  CHECK(frame_of([&] { return lock.acquire(); }) <= kept_frame);
  CHECK(frame_of([&] { return lock.acquire_shared(); }) <= kept_frame);
}

}  // namespace coramfs::tests
