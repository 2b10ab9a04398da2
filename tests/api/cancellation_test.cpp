// SPDX-License-Identifier: BSL-1.0
#include "api/coroutines.hpp"

#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <optional>

namespace coramfs::tests {

namespace {

using asio::cancellation_type;

/// A volume with a file "/a" that a thread has open, and a coroutine that can be cancelled.
class stage {
 public:
  asio::io_context context;
  volume over = volume::create().value();
  sync::file_system threads{over};
  file_system fs{context.get_executor(), over};
  asio::cancellation_signal signal;
  std::optional<sync::file> holder = threads.open("/a", open_mode::create).value();

  std::uint64_t waiting() const { return over.stats().waiting; }
  void release() { holder.reset(); }

  /// Nobody has the file open or waits for it, and one can have it at once.
  bool is_quiet() {
    const volume_stats before = over.stats();
    const auto f = threads.open("/a", open_mode::update, {.timeout = lock_timeout::immediate()});
    return before.open_handles == 0 && before.waiting == 0 && f.has_value();
  }
};

}  // namespace

TEST_CASE("cancellation: each kind ends a wait, with a result", "[api][cancellation]") {
  const auto type =
      GENERATE(cancellation_type::total, cancellation_type::partial, cancellation_type::terminal);
  stage s;
  std::optional<error> seen;
  spawn(s.context, s.signal, [&]() -> asio::awaitable<void> {
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    const auto f = co_await s.fs.open("/a", open_mode::write);
    seen = error_of(f);
  });
  s.context.poll();
  REQUIRE(s.waiting() == 1);
  s.signal.emit(type);
  s.context.run();
  REQUIRE(seen);
  CHECK(*seen == errc::canceled);
  CHECK(s.waiting() == 0);
  s.release();
  CHECK(s.is_quiet());
}

TEST_CASE("cancellation: a coroutine's own filter lets only the terminal kind through",
          "[api][cancellation]") {
  stage s;
  std::optional<error> seen;
  spawn(s.context, s.signal, [&]() -> asio::awaitable<void> {
    const auto f = co_await s.fs.open("/a", open_mode::read);
    seen = error_of(f);
  });
  s.context.poll();
  s.signal.emit(cancellation_type::total);
  s.signal.emit(cancellation_type::partial);
  s.context.poll();
  CHECK(!seen);
  CHECK(s.waiting() == 1);
  s.signal.emit(cancellation_type::terminal);
  s.context.run();
  REQUIRE(seen);
  CHECK(*seen == errc::canceled);
  s.release();
  CHECK(s.is_quiet());
}

TEST_CASE("cancellation: read_file and write_file give up their wait too, and change nothing",
          "[api][cancellation]") {
  stage s;
  s.holder->write(buffer_of("abc")).value();
  const std::uint64_t used = s.over.stats().used_bytes;
  asio::cancellation_signal second;
  std::optional<error> read, written;
  spawn(s.context, s.signal, [&]() -> asio::awaitable<void> {
    const auto content = co_await s.fs.read_file("/a");
    read = error_of(content);
  });
  spawn(s.context, second, [&]() -> asio::awaitable<void> {
    const auto done = co_await s.fs.write_file("/a", buffer_of("something longer"));
    written = error_of(done);
  });
  s.context.poll();
  REQUIRE(s.waiting() == 2);
  second.emit(cancellation_type::terminal);
  s.signal.emit(cancellation_type::terminal);
  s.context.run();
  REQUIRE((read && written));
  CHECK(*read == errc::canceled);
  CHECK(*written == errc::canceled);
  CHECK(s.over.stats().used_bytes == used);
  s.release();
  CHECK(text_of(s.threads.read_file("/a").value()) == "abc");
  CHECK(s.is_quiet());
}

TEST_CASE("cancellation: when a waiting writer leaves, the readers behind it go in",
          "[api][cancellation][fairness]") {
  stage s;
  s.release();
  const auto reader = s.threads.open("/a", open_mode::read).value();
  bool canceled = false;
  int in = 0;
  spawn(s.context, s.signal, [&]() -> asio::awaitable<void> {
    const auto f = co_await s.fs.open("/a", open_mode::write);
    canceled = error_of(f) == errc::canceled;
  });
  for (int i = 0; i < 2; ++i) {
    spawn(s.context, [&]() -> asio::awaitable<void> {
      const auto f = co_await s.fs.open("/a", open_mode::read);
      in += f.has_value();
    });
  }
  s.context.poll();
  CHECK(s.waiting() == 3);
  CHECK(in == 0);
  s.signal.emit(cancellation_type::terminal);
  s.context.run();
  CHECK(canceled);
  CHECK(in == 2);
  CHECK(reader.is_open());
}

TEST_CASE("cancellation: one from the middle of the queue leaves the others' order",
          "[api][cancellation][fairness]") {
  stage s;
  std::string order;
  asio::cancellation_signal signals[3];
  for (int i = 0; i < 3; ++i) {
    spawn(s.context, signals[i], [&, i]() -> asio::awaitable<void> {
      const auto f = co_await s.fs.open("/a", open_mode::update);
      order += f ? static_cast<char>('0' + i) : '-';
    });
  }
  s.context.poll();
  signals[1].emit(cancellation_type::terminal);
  s.context.poll();
  CHECK(order == "-");
  s.release();
  s.context.run();
  CHECK(order == "-02");
  CHECK(s.is_quiet());
}

TEST_CASE("cancellation: what need not wait completes in spite of it, what must is canceled",
          "[api][cancellation]") {
  stage s;
  bool done = false;
  spawn(s.context, s.signal, [&]() -> asio::awaitable<void> {
    co_await asio::this_coro::throw_if_cancelled(false);
    s.signal.emit(cancellation_type::terminal);
    co_await asio::post(asio::use_awaitable);
    const auto state = co_await asio::this_coro::cancellation_state;
    CHECK(state.cancelled() != cancellation_type::none);

    auto f = co_await s.fs.open("/free", open_mode::create);
    CHECK(f.has_value());
    const auto written = co_await f.value().write(buffer_of("abc"));
    CHECK(written.value() == 3);
    f.value().close().value();
    const auto content = co_await s.fs.read_file("/free");
    CHECK(text_of(content.value()) == "abc");
    const auto replaced = co_await s.fs.write_file("/free", buffer_of("x"));
    CHECK(replaced.has_value());
    const auto made = co_await s.fs.create_directories("/d/e");
    CHECK(made.value());

    const auto opened = co_await s.fs.open("/a", open_mode::read);
    CHECK(error_of(opened) == errc::canceled);
    const auto read = co_await s.fs.read_file("/a");
    CHECK(error_of(read) == errc::canceled);
    const auto rewritten = co_await s.fs.write_file("/a", buffer_of("x"));
    CHECK(error_of(rewritten) == errc::canceled);
    const auto at_once =
        co_await s.fs.open("/a", open_mode::read, {.timeout = lock_timeout::immediate()});
    CHECK(error_of(at_once) == errc::would_block);
    done = true;
  });
  s.context.poll();
  CHECK(done);
  CHECK(s.waiting() == 0);
  s.release();
  CHECK(s.is_quiet());
}

TEST_CASE("cancellation: one that crosses the grant loses nothing", "[api][cancellation]") {
  const bool grant_first = GENERATE(true, false);
  stage s;
  std::optional<error> first;
  bool second = false;
  spawn(s.context, s.signal, [&]() -> asio::awaitable<void> {
    const auto f = co_await s.fs.open("/a", open_mode::write);
    first = error_of(f);
  });
  spawn(s.context, [&]() -> asio::awaitable<void> {
    const auto f = co_await s.fs.open("/a", open_mode::write);
    second = f.has_value();
  });
  s.context.poll();
  REQUIRE(s.waiting() == 2);
  // On the context: Asio 1.26 takes a cancellation there first, and it would come second.
  asio::post(s.context, [&] {
    if (grant_first) s.release();
    s.signal.emit(cancellation_type::terminal);
    if (!grant_first) s.release();
  });
  s.context.run();
  REQUIRE(first);
  if (!grant_first) CHECK(*first == errc::canceled);
  if (first->code()) CHECK(*first == errc::canceled);
  CHECK(second);
  CHECK(s.is_quiet());
}

TEST_CASE("cancellation: after one, a coroutine that wants to go on can wait again",
          "[api][cancellation]") {
  stage s;
  std::optional<error> first, second;
  spawn(s.context, s.signal, [&]() -> asio::awaitable<void> {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto f = co_await s.fs.open("/a", open_mode::read);
    first = error_of(f);
    co_await asio::this_coro::reset_cancellation_state();
    const auto g = co_await s.fs.open("/a", open_mode::read);
    second = error_of(g);
  });
  s.context.poll();
  s.signal.emit(cancellation_type::terminal);
  s.context.poll();
  REQUIRE(first);
  CHECK(*first == errc::canceled);
  CHECK(s.waiting() == 1);
  s.release();
  s.context.run();
  REQUIRE(second);
  CHECK(!second->code());
  CHECK(s.is_quiet());
}

TEST_CASE("cancellation: a wait that is over hears of no later one", "[api][cancellation]") {
  stage s;
  bool done = false;
  spawn(s.context, s.signal, [&]() -> asio::awaitable<void> {
    co_await asio::this_coro::throw_if_cancelled(false);
    auto f = (co_await s.fs.open("/a", open_mode::update)).value();
    co_await asio::post(asio::use_awaitable);
    s.signal.emit(cancellation_type::terminal);
    const auto written = co_await f.write(buffer_of("abc"));
    CHECK(written.value() == 3);
    done = true;
  });
  s.context.poll();
  s.release();
  s.context.run();
  CHECK(done);
  CHECK(s.is_quiet());
}

}  // namespace coramfs::tests
