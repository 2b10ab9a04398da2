// SPDX-License-Identifier: BSL-1.0
// Contexts that are destroyed while coroutines on them wait.
#include "api/coroutines.hpp"

#include "support/await_waiting.hpp"

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace coramfs::tests {

namespace {

constexpr open_options at_once{.timeout = lock_timeout::immediate()};

}  // namespace

TEST_CASE("dying context: its waiters leave uncalled, and nothing stays", "[api][coroutines]") {
  const auto v = volume::create().value();
  sync::file_system threads(v);
  auto holder = threads.open("/a", open_mode::create).value();
  bool resumed = false;
  const auto alive = std::make_shared<int>(0);
  {
    asio::io_context context;
    file_system fs(context.get_executor(), v);
    for (const auto mode : {open_mode::read, open_mode::write, open_mode::read}) {
      spawn(context, [&, mode, alive]() -> asio::awaitable<void> {
        const auto f = co_await fs.open("/a", mode);
        resumed = true;
      });
    }
    context.poll();
    CHECK(v.stats().waiting == 3);
  }
  CHECK(!resumed);
  CHECK(alive.use_count() == 1);
  CHECK(v.stats().waiting == 0);
  holder.close().value();
  CHECK(threads.open("/a", open_mode::update, at_once).has_value());
}

TEST_CASE("dying context: the signal that could cancel a waiter may end before, or after",
          "[api][coroutines]") {
  const bool ends_before = GENERATE(true, false);
  const auto v = volume::create().value();
  sync::file_system threads(v);
  const auto holder = threads.open("/a", open_mode::create).value();
  auto context = std::make_unique<asio::io_context>();
  auto signal = std::make_unique<asio::cancellation_signal>();
  file_system fs(context->get_executor(), v);
  const auto body = [&]() -> asio::awaitable<void> {
    const auto f = co_await fs.open("/a", open_mode::read);
  };
  asio::co_spawn(*context, body(), asio::bind_cancellation_slot(signal->slot(), asio::detached));
  context->poll();
  CHECK(v.stats().waiting == 1);
  if (ends_before) {
    signal.reset();
    context.reset();
  } else {
    context.reset();
    signal.reset();
  }
  CHECK(v.stats().waiting == 0);
}

TEST_CASE("dying context: those behind its waiters get in", "[api][coroutines][fairness]") {
  const auto v = volume::create().value();
  sync::file_system threads(v);
  threads.write_file("/a", buffer_of("abc")).value();
  const auto holder = threads.open("/a", open_mode::read).value();
  asio::io_context living;
  auto dying = std::make_unique<asio::io_context>();
  file_system one(dying->get_executor(), v), two(living.get_executor(), v);
  bool in = false;
  spawn(*dying, [&]() -> asio::awaitable<void> {
    const auto f = co_await one.open("/a", open_mode::write);
  });
  dying->poll();
  spawn(living, [&]() -> asio::awaitable<void> {
    const auto f = co_await two.open("/a", open_mode::read);
    in = f.has_value();
  });
  living.poll();
  auto thread = std::async(std::launch::async,
                           [&] { return threads.open("/a", open_mode::read).has_value(); });
  await_waiting(v, 3);
  CHECK(!in);
  dying.reset();
  living.run();
  CHECK(in);
  CHECK(thread.get());
  CHECK(v.stats().waiting == 0);
}

TEST_CASE("dying context: what was granted and never ran is passed on",
          "[api][coroutines][fairness]") {
  const auto v = volume::create().value();
  sync::file_system threads(v);
  std::optional<sync::file> holder = threads.open("/a", open_mode::create).value();
  bool resumed = false;
  {
    asio::io_context context;
    file_system fs(context.get_executor(), v);
    for (int i = 0; i < 2; ++i) {
      spawn(context, [&]() -> asio::awaitable<void> {
        const auto f = co_await fs.open("/a", open_mode::write);
        resumed = true;
      });
    }
    context.poll();
    CHECK(v.stats().waiting == 2);
    holder.reset();
    CHECK(error_of(threads.open("/a", open_mode::read, at_once)) == errc::would_block);
  }
  CHECK(!resumed);
  CHECK(threads.open("/a", open_mode::update, at_once).has_value());
  threads.remove("/a").value();
  CHECK(v.stats().used_bytes == 0);
}

TEST_CASE("dying context: deadlines that were running do no harm", "[api][coroutines]") {
  const auto v = volume::create().value();
  sync::file_system threads(v);
  auto holder = threads.open("/a", open_mode::create).value();
  for (int i = 0; i < 20; ++i) {
    asio::io_context context;
    file_system fs(context.get_executor(), v);
    for (const int length : {1, 50, 2000}) {
      spawn(context, [&, length]() -> asio::awaitable<void> {
        const std::chrono::microseconds longest(length);
        const auto f = co_await fs.open("/a", open_mode::read, {.timeout = longest});
        CHECK(error_of(f) == errc::timed_out);
      });
    }
    context.poll();
    context.run_one();
  }
  CHECK(v.stats().waiting == 0);
  holder.close().value();
  CHECK(threads.open("/a", open_mode::update, at_once).has_value());
}

namespace {

constexpr std::size_t many = 8 << 20;  // bytes: several slices

/// A volume with a file of `before`, an operation on it that has done its first slice, and the
/// caller's bytes. They are changed then, as if other things stood where they were.
struct unfinished {
  static constexpr std::string_view before = "before";
  volume v = volume::create().value();
  sync::file_system threads{v};
  std::unique_ptr<asio::io_context> context = std::make_unique<asio::io_context>();
  file_system fs{context->get_executor(), v};
  std::string given = std::string(many, 'a');
  std::optional<file> f;

  unfinished() { threads.write_file("/a", buffer_of(before)).value(); }

  void open(open_mode mode, open_options options = {}) {
    fs.open("/a", mode, options, [this](result<file> opened) { f = std::move(opened).value(); });
    context->run();
    context->restart();
  }
  void reserve(std::uint64_t size) {
    spawn(*context, [this, size]() -> asio::awaitable<void> {
      const auto paid = co_await f->reserve(size);
      CHECK(paid.has_value());
    });
    context->run();
    context->restart();
  }
  template <class Operation>
  void begin(Operation operation) {
    spawn(*context, [operation]() -> asio::awaitable<void> {
      const auto ended = co_await operation();
      FAIL("it has ended: " << error_of(ended).message());
    });
    context->run_one();
    context->run_one();
    given.assign(many, 'z');
  }
  /// The handle before the context, or after it.
  void die(bool file_first) {
    if (file_first) f.reset();
    context.reset();
    f.reset();
  }
  std::uint64_t generation() { return threads.stat("/a").value().generation; }
  std::string content() { return text_of(threads.read_file("/a").value()); }
};

}  // namespace

TEST_CASE("dying context: a write that has begun is undone, and reads no more of its buffer",
          "[api][coroutines][slices]") {
  const bool file_first = GENERATE(false, true);
  unfinished t;
  const std::uint64_t used = t.v.stats().used_bytes;
  SECTION("at the end") {
    const std::uint64_t generation = t.generation();
    const bool is_reserved = GENERATE(false, true);
    t.open(open_mode::append);
    if (is_reserved) t.reserve(many + 100);
    t.begin([&] { return t.f->write(buffer_of(t.given)); });
    t.die(file_first);
    CHECK(t.content() == t.before);
    CHECK(t.generation() == generation);
    CHECK(t.v.stats().used_bytes == used);
  }
  SECTION("over other bytes, as far as it has come") {
    t.threads.write_file("/a", buffer_of(std::string(many, 'b'))).value();
    const std::uint64_t generation = t.generation();
    t.open(open_mode::update);
    t.begin([&] { return t.f->write_at(many / 2, buffer_of(t.given)); });
    t.die(file_first);
    CHECK(t.generation() > generation);
    const std::string now = t.content();
    CHECK(now.size() == many);
    CHECK(now.find('z') == std::string::npos);
    CHECK(now.find('a') == many / 2);
    CHECK(now.back() == 'b');
  }
  SECTION("of a buffer that is taken over") {
    t.open(open_mode::update);
    bytes own(many, std::byte{'a'});
    t.begin([&] { return t.f->write(std::move(own)); });
    t.die(file_first);
    CHECK(t.content() == "aaaaaa");
  }
  CHECK(t.v.stats().open_handles == 0);
}

TEST_CASE("dying context: a truncate that has begun is undone", "[api][coroutines][slices]") {
  const bool file_first = GENERATE(false, true), is_reserved = GENERATE(false, true);
  unfinished t;
  const std::uint64_t used = t.v.stats().used_bytes;
  t.open(open_mode::update);
  if (is_reserved) t.reserve(many / 2);
  t.begin([&] { return t.f->truncate(many); });
  t.die(file_first);
  CHECK(t.content() == t.before);
  CHECK(t.v.stats().used_bytes == used);
}

TEST_CASE("dying context: a chain on its way to a table is one again",
          "[api][coroutines][slices][promotion]") {
  const bool file_first = GENERATE(false, true), is_reserved = GENERATE(false, true);
  unfinished t;
  const std::string chain(many, 'b');
  t.threads.write_file("/a", buffer_of(chain)).value();
  t.open(open_mode::update);
  if (is_reserved) t.reserve(2 * many);
  t.begin([&] { return t.f->write_at(many + 1000, buffer_of("x")); });
  t.die(file_first);
  CHECK(t.content() == chain);
  t.threads.remove("/a").value();
  CHECK(t.v.stats().used_bytes == 0);
}

TEST_CASE("dying context: a write_file that has begun reads no more of its buffer",
          "[api][coroutines][slices]") {
  unfinished t;
  SECTION("a new file is not there") {
    t.begin([&] { return t.fs.write_file("/new", buffer_of(t.given)); });
    t.die(false);
    CHECK(!t.threads.exists("/new").value());
    CHECK(t.content() == t.before);
  }
  SECTION("one whose content was given up for it is empty") {
    t.begin([&] { return t.fs.write_file("/a", buffer_of(t.given)); });
    t.die(false);
    CHECK(t.content().empty());
  }
}

TEST_CASE("dying context: a wait for space may outlive its file, and the volume",
          "[api][coroutines][space]") {
  auto v = std::make_optional(
      volume::create({.max_quota = 1000, .accounting = accounting::payload}).value());
  auto context = std::make_unique<asio::io_context>();
  std::optional<file> f;
  const std::string much(600, 'x');
  {
    file_system fs(context->get_executor(), *v);
    sync::file_system(*v).write_file("/large", buffer_of(much)).value();
    fs.open("/a", open_mode::create, {.on_full = when_full::wait},
            [&](result<file> opened) { f = std::move(opened).value(); });
    context->run();
    context->restart();
  }
  SECTION("of a coroutine") {
    spawn(*context, [&]() -> asio::awaitable<void> {
      const auto n = co_await f->write(buffer_of(much));
      FAIL("it has ended: " << error_of(n).message());
    });
  }
  SECTION("of a handler") {
    f->async_write_some(buffer_of(much),
                        [](asio_error_code, std::size_t) { FAIL("it has ended"); });
  }
  context->poll();
  CHECK(v->stats().waiting == 1);
  f.reset();
  CHECK(v->stats().open_handles == 0);
  v.reset();
  context.reset();
}

}  // namespace coramfs::tests
