// SPDX-License-Identifier: BSL-1.0
// A removal that waits for whoever has the file, in the queue of its lock.
#include <coramfs/error_details.hpp>

#include "api/coroutines.hpp"
#include "api/scenario.hpp"

#include "support/await_waiting.hpp"

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace coramfs::tests {

namespace {

constexpr remove_options waiting{.open = if_open::wait, .timeout = lock_timeout::forever()};

/// A call on a thread of its own.
template <class Call>
auto begin(Call call) {
  return std::async(std::launch::async, std::move(call));
}

}  // namespace

TEST_CASE("remove waits: a file that nobody uses goes at once", "[api][remove]") {
  const scenario fs;
  fs->write_file("/a", std::string(100'000, 'x')).value();
  fs->remove("/a", waiting).value();
  fs->write_file("/a", "abc").value();
  fs->remove("/a", {.open = if_open::wait, .timeout = lock_timeout::immediate()}).value();
  CHECK(fs.used() == 0);
  CHECK(fs.refusal([&] { return fs->remove("/a", waiting); }) == errc::not_found);
  fs->create_directory("/d").value();
  const error e = fs.refusal([&] { return fs->remove("/d", waiting); });
  CHECK(e == errc::is_a_directory);
  CHECK(e.details().operation == "remove");
  CHECK(e.details().path == "/d");
  CHECK(fs.refusal([&] { return fs->remove("/..", waiting); }) == errc::invalid_path);
}

TEST_CASE("remove waits: it removes when the last handle is closed, and gives the charge back",
          "[api][remove][waiting]") {
  const scenario fs;
  fs.expect_slices();
  fs->write_file("/a", std::string(3 << 20, 'x')).value();
  const auto mode = GENERATE(open_mode::read, open_mode::update);
  auto holder = fs->open("/a", mode).value();
  auto other = mode == open_mode::read ? fs->open("/a", open_mode::read).value() : nullptr;
  auto removed = begin([own = fs.twin()] { own->remove("/a", waiting).value(); });
  await_waiting(fs.volume(), 1);
  CHECK(fs->exists("/a").value());
  CHECK(fs.refusal([&] { return fs->remove("/a"); }) == errc::busy);
  holder.reset();
  if (other != nullptr) {
    CHECK(fs.stats().waiting == 1);
    other.reset();
  }
  removed.get();
  CHECK(!fs->exists("/a").value());
  CHECK(fs.stats().waiting == 0);
  await([&] { return fs.stats().file_count == 0; });
  CHECK(fs.used() == 0);
}

TEST_CASE("remove waits: behind those who came before, and before those who came later",
          "[api][remove][waiting][fairness]") {
  const scenario fs;
  fs->write_file("/a", "old").value();
  auto holder = fs->open("/a", open_mode::update).value();
  auto before = begin([own = fs.other()] { return own->read_file("/a").value(); });
  await_waiting(fs.volume(), 1);
  auto removed = begin([own = fs.twin()] { own->remove("/a", waiting).value(); });
  await_waiting(fs.volume(), 2);
  auto reader = begin([own = fs.other()] { return error_of(own->open("/a", open_mode::read)); });
  await_waiting(fs.volume(), 3);
  auto another = begin([own = fs.twin()] { return error_of(own->remove("/a", waiting)); });
  await_waiting(fs.volume(), 4);
  CHECK(error_of(fs->open("/a", open_mode::read, {.timeout = lock_timeout::immediate()})) ==
        errc::would_block);
  holder->write("new").value();
  holder.reset();
  CHECK(before.get() == "new");
  removed.get();
  CHECK(reader.get() == errc::not_found);
  CHECK(another.get() == errc::not_found);
  CHECK(fs.stats().waiting == 0);
}

TEST_CASE("remove waits: a writer behind it makes a new file", "[api][remove][waiting]") {
  const scenario fs;
  fs->write_file("/a", "old").value();
  const std::uint64_t id = fs->stat("/a").value().id;
  auto holder = fs->open("/a", open_mode::read).value();
  auto removed = begin([own = fs.twin()] { own->remove("/a", waiting).value(); });
  await_waiting(fs.volume(), 1);
  auto writer = begin([own = fs.other()] { own->write_file("/a", "newer").value(); });
  await_waiting(fs.volume(), 2);
  holder.reset();
  removed.get();
  writer.get();
  CHECK(fs->read_file("/a").value() == "newer");
  CHECK(fs->stat("/a").value().id != id);
  await([&] { return fs.stats().file_count == 1; });
}

TEST_CASE("remove waits: as long as it is told, and tells who has the file",
          "[api][remove][waiting][details]") {
  const scenario fs({.default_lock_timeout = std::chrono::milliseconds(1)});
  fs.expect_slices();
  fs->write_file("/a", "abc").value();
  const auto holder = fs->open("/a", open_mode::update, {.label = "mine"}).value();
  const auto check = [&](const remove_options& options, errc code) {
    const error e = fs.refusal([&] { return fs->remove("/a", options); });
    CHECK(e == code);
    const error_details d = e.details();
    CHECK(d.operation == "remove");
    CHECK(d.path == "/a");
    REQUIRE(d.holders.size() == 1);
    CHECK(d.holders.front().label == "mine");
    CHECK(d.holders.front().mode == open_mode::update);
    CHECK(d.waiting == 0);
  };
  check({.open = if_open::wait, .timeout = lock_timeout::immediate()}, errc::would_block);
  check({.open = if_open::wait, .timeout = std::chrono::milliseconds(2)}, errc::timed_out);
  check({.open = if_open::wait}, errc::timed_out);
  check({.open = if_open::fail}, errc::busy);
  CHECK(holder->write("x").has_value());
}

TEST_CASE("remove waits: when it gives up, the readers behind it go in",
          "[api][remove][waiting][fairness]") {
  const scenario fs;
  fs->write_file("/a", "abc").value();
  const auto holder = fs->open("/a", open_mode::read).value();
  auto removed = begin([own = fs.twin()] {
    return error_of(
        own->remove("/a", {.open = if_open::wait, .timeout = std::chrono::milliseconds(100)}));
  });
  auto reader = begin([own = fs.other()] {
    return own->open("/a", open_mode::read, {.timeout = lock_timeout::forever()})
        .value()
        ->read_all()
        .value();
  });
  CHECK(removed.get() == errc::timed_out);
  CHECK(reader.get() == "abc");
  CHECK(fs->exists("/a").value());
}

TEST_CASE("remove waits: for the file that has come into the place of the one it waited for",
          "[api][remove][coroutines]") {
  asio::io_context context;
  const volume over = volume::create().value();
  sync::file_system threads{over};
  file_system fs{context.get_executor(), over};
  std::optional<sync::file> holder = threads.open("/a", open_mode::create).value();
  std::optional<result<void>> removed;
  spawn(context,
        [&]() -> asio::awaitable<void> { removed.emplace(co_await fs.remove("/a", waiting)); });
  context.poll();
  REQUIRE(over.stats().waiting == 1);
  threads.remove("/a", {.open = if_open::keep_unnamed}).value();
  std::optional<sync::file> next = threads.open("/a", open_mode::create).value();
  context.poll();
  CHECK(!removed);
  CHECK(over.stats().waiting == 1);
  next.reset();
  context.run();
  REQUIRE(removed);
  CHECK(removed->has_value());
  CHECK(!threads.exists("/a").value());
  CHECK(holder->is_open());
  CHECK(over.stats().file_count == 1);
}

TEST_CASE("remove waits: a coroutine's is cancelled, and leaves nothing",
          "[api][remove][cancellation]") {
  asio::io_context context;
  const volume over = volume::create().value();
  sync::file_system threads{over};
  file_system fs{context.get_executor(), over};
  asio::cancellation_signal signal;
  std::optional<sync::file> holder = threads.open("/a", open_mode::create).value();
  std::optional<error> seen;
  SECTION("in its wait") {
    spawn(context, signal, [&]() -> asio::awaitable<void> {
      const auto removed = co_await fs.remove("/a", waiting);
      seen = error_of(removed);
    });
    context.poll();
    REQUIRE(over.stats().waiting == 1);
    signal.emit(asio::cancellation_type::terminal);
    context.run();
  }
  SECTION("as an operation with a handler") {
    fs.remove("/a", waiting, asio::bind_cancellation_slot(signal.slot(), [&](result<void> r) {
                seen = error_of(r);
              }));
    REQUIRE(over.stats().waiting == 1);
    signal.emit(asio::cancellation_type::total);
    context.run();
  }
  REQUIRE(seen);
  CHECK(*seen == errc::canceled);
  CHECK(over.stats().waiting == 0);
  CHECK(threads.exists("/a").value());
  holder.reset();
  threads.remove("/a").value();
  CHECK(over.stats().used_bytes == 0);
}

TEST_CASE("remove waits: on a context that dies it removes nothing", "[api][remove][coroutines]") {
  const volume over = volume::create().value();
  sync::file_system threads{over};
  const bool is_granted = GENERATE(false, true);
  const bool has_handler = GENERATE(false, true);
  std::optional<sync::file> holder = threads.open("/a", open_mode::create).value();
  {
    asio::io_context context;
    file_system fs{context.get_executor(), over};
    if (has_handler) {
      fs.remove("/a", waiting, [](result<void>) { FAIL("it is called"); });
    } else {
      spawn(context, [&]() -> asio::awaitable<void> {
        static_cast<void>(co_await fs.remove("/a", waiting));
        FAIL("it goes on");
      });
    }
    context.poll();
    REQUIRE(over.stats().waiting == 1);
    if (is_granted) holder.reset();
  }
  CHECK(over.stats().waiting == 0);
  CHECK(threads.exists("/a").value());
  holder.reset();
  threads.remove("/a").value();
  CHECK(over.stats().used_bytes == 0);
}

TEST_CASE("remove waits: those behind it on a context that dies leave a file that has gone",
          "[api][remove][coroutines]") {
  const volume over = volume::create().value();
  sync::file_system threads{over};
  std::optional<sync::file> holder = threads.open("/a", open_mode::create).value();
  {
    asio::io_context context;
    file_system fs{context.get_executor(), over};
    spawn(context, [&]() -> asio::awaitable<void> {
      static_cast<void>(co_await fs.open("/a", open_mode::write));
      FAIL("it goes on");
    });
    context.poll();
    REQUIRE(over.stats().waiting == 1);
    threads.remove("/a", {.open = if_open::keep_unnamed}).value();
    holder.reset();
    // It has been told, and has not looked.
    CHECK(over.stats().file_count == 1);
  }
  CHECK(over.stats().file_count == 0);
  CHECK(over.stats().used_bytes == 0);
}

TEST_CASE("remove tree waits: on a context that dies in its middle it frees all the same",
          "[api][remove][coroutines]") {
  constexpr std::uint64_t files = 20'000;
  const volume over = volume::create().value();
  sync::file_system threads{over};
  threads.create_directory("/d").value();
  for (std::uint64_t i = 0; i < files; ++i)
    threads.write_file("/d/" + std::to_string(i), buffer_of("abc")).value();
  const if_open open = GENERATE(if_open::wait, if_open::keep_unnamed, if_open::fail);
  {
    asio::io_context context;
    file_system fs{context.get_executor(), over};
    spawn(context, [&]() -> asio::awaitable<void> {
      static_cast<void>(co_await fs.remove_tree("/d", {.open = open}));
      FAIL("it goes on");
    });
    while (over.stats().file_count == files) REQUIRE(context.run_one() == 1);
    CHECK(over.stats().file_count > 0);
    CHECK(!threads.exists("/d").value());
  }
  CHECK(over.stats().file_count == 0);
  CHECK(over.stats().directory_count == 1);
  CHECK(over.stats().used_bytes == 0);
}

}  // namespace coramfs::tests
