// SPDX-License-Identifier: BSL-1.0
// Coroutines that wait for space, and do not get it: they are cancelled, or their context dies.
#include "api/coroutines.hpp"

#include "support/await_waiting.hpp"

#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <future>
#include <memory>
#include <optional>

namespace coramfs::tests {

namespace {

using asio::awaitable;
using asio::cancellation_type;

constexpr open_options waits{.on_full = when_full::wait};

/// A volume of 1000 bytes, counted in payload, which "/filler" takes up; an empty file "/a"; and
/// coroutines that wait for room.
class full_volume {
 public:
  asio::io_context context;
  volume over = make();
  sync::file_system threads{over};
  file_system fs{context.get_executor(), over};
  asio::cancellation_signal signal, other_signal;

  full_volume() {
    threads.write_file("/a", buffer_of("")).value();
    fill(1000);
  }
  void fill(std::size_t n) {
    threads.write_file("/filler", buffer_of(std::string(n, 'x'))).value();
  }
  volume_stats stats() const { return over.stats(); }
  /// Bytes that one who comes now can have.
  std::uint64_t available() {
    return error_of(threads.write_file("/probe", buffer_of(std::string(5000, 'x')))).available();
  }
  /// Nobody waits, all that is free can be had, and "/a" is empty and nobody's.
  bool is_quiet() {
    const volume_stats s = stats();
    const auto f = threads.open("/a", open_mode::update, {.timeout = lock_timeout::immediate()});
    return s.waiting == 0 && s.open_handles == 0 && available() == s.free_bytes && f.has_value() &&
           f.value().size().value() == 0;
  }

 private:
  static volume make() {
    volume_options o;
    o.max_quota = 1000;
    o.accounting = accounting::payload;
    return volume::create(o).value();
  }
};

/// Opens a file, appends `n` bytes, and says how that ended.
awaitable<void> append(file_system& fs, std::string path, std::size_t n,
                       std::optional<error>& ended) {
  auto f = (co_await fs.open(path, open_mode::append, waits)).value();
  const std::string content(n, 'y');
  const auto written = co_await f.write(buffer_of(content));
  ended = error_of(written);
}

}  // namespace

TEST_CASE("space: a cancelled wait ends as a result and leaves nothing",
          "[api][space][cancellation]") {
  const auto type =
      GENERATE(cancellation_type::total, cancellation_type::partial, cancellation_type::terminal);
  const int way = GENERATE(range(0, 7));
  full_volume v;
  std::optional<error> ended;
  bytes buffer = bytes_of("abc");
  spawn(v.context, v.signal, [&]() -> awaitable<void> {
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    open_options options = waits;
    if (way == 4) options.preallocate = 3;
    auto f = co_await v.fs.open("/a", open_mode::update, options);
    result<std::uint64_t> done = error_of(f);
    if (way == 0) done = co_await f.value().write(buffer_of("abc"));
    if (way == 1) done = co_await f.value().write(std::move(buffer));
    if (way == 2) done = co_await f.value().write_at(0, buffer_of("abc"));
    if (way == 3) done = co_await f.value().truncate(3);
    if (way == 6) done = error_of(co_await f.value().reserve(3));
    if (way == 5) {
      const auto room = co_await f.value().prepare(3);
      done = error_of(room);
    }
    ended = error_of(done);
  });
  v.context.poll();
  REQUIRE(!ended);
  CHECK(v.stats().waiting == 1);
  v.signal.emit(type);
  CHECK(!ended);
  v.context.run();
  REQUIRE(ended);
  CHECK(*ended == errc::canceled);
  CHECK(buffer.size() == 3);
  CHECK(v.is_quiet());
  CHECK(v.stats().used_bytes == 1000);
}

TEST_CASE("space: a cancelled head passes on what was set aside for it",
          "[api][space][cancellation][fairness]") {
  full_volume v;
  std::optional<error> large, small;
  spawn(v.context, v.signal, [&] { return append(v.fs, "/large", 900, large); });
  v.context.poll();
  spawn(v.context, [&] { return append(v.fs, "/small", 200, small); });
  v.context.poll();
  v.fill(700);
  v.context.poll();
  CHECK((!large && !small));
  CHECK(v.available() == 0);
  CHECK(v.stats().free_bytes == 300);
  v.signal.emit(cancellation_type::terminal);
  v.context.run();
  REQUIRE((large && small));
  CHECK(*large == errc::canceled);
  CHECK(!small->code());
  CHECK(v.available() == 100);
  CHECK(v.is_quiet());
}

TEST_CASE("space: one who leaves from the middle of the queue changes nothing for others",
          "[api][space][cancellation][fairness]") {
  full_volume v;
  std::optional<error> first, middle, last;
  spawn(v.context, [&] { return append(v.fs, "/1", 500, first); });
  v.context.poll();
  spawn(v.context, v.signal, [&] { return append(v.fs, "/2", 100, middle); });
  v.context.poll();
  spawn(v.context, [&] { return append(v.fs, "/3", 100, last); });
  v.context.poll();
  v.fill(600);
  v.signal.emit(cancellation_type::terminal);
  v.context.poll();
  CHECK((!first && middle && !last));
  CHECK(v.available() == 0);
  v.fill(400);
  v.context.run();
  REQUIRE((first && last));
  CHECK(!first->code());
  CHECK(!last->code());
  CHECK(v.is_quiet());
}

TEST_CASE("space: a grant that crosses a cancellation is used or passed on, never lost",
          "[api][space][cancellation]") {
  full_volume v;
  std::optional<error> first, second;
  spawn(v.context, v.signal, [&] { return append(v.fs, "/1", 300, first); });
  v.context.poll();
  spawn(v.context, v.other_signal, [&] { return append(v.fs, "/2", 300, second); });
  v.context.poll();
  SECTION("the grant was first") {
    v.fill(700);
    v.signal.emit(cancellation_type::terminal);
    v.context.poll();
    REQUIRE(first);
    CHECK(!first->code());
    CHECK(!second);
  }
  SECTION("the cancellation was first") {
    // On the context: Asio 1.26 takes a cancellation there first, and it would come second.
    asio::post(v.context, [&] {
      v.signal.emit(cancellation_type::terminal);
      v.fill(700);
    });
    v.context.poll();
    REQUIRE((first && second));
    CHECK(*first == errc::canceled);
    CHECK(!second->code());
  }
  CHECK(v.available() == 0);
  v.other_signal.emit(cancellation_type::terminal);
  v.context.run();
  CHECK(v.is_quiet());
}

TEST_CASE("space: one who is cancelled already does not begin to wait, but what fits passes",
          "[api][space][cancellation]") {
  full_volume v;
  v.fill(990);
  std::optional<error> fits, waits_for_room, opens;
  spawn(v.context, v.signal, [&]() -> awaitable<void> {
    co_await asio::this_coro::throw_if_cancelled(false);
    v.signal.emit(cancellation_type::terminal);
    auto f = (co_await v.fs.open("/a", open_mode::append, waits)).value();
    const auto small = co_await f.write(buffer_of("abc"));
    fits = error_of(small);
    const auto large = co_await f.write(buffer_of("more than there is"));
    waits_for_room = error_of(large);
    open_options options = waits;
    options.preallocate = 500;
    const auto another = co_await v.fs.open("/b", open_mode::create, options);
    opens = error_of(another);
    const auto cut = co_await f.truncate(0);
    CHECK(cut.value() == 0);
  });
  v.context.poll();
  CHECK(v.context.stopped());
  REQUIRE((fits && waits_for_room && opens));
  CHECK(!fits->code());
  CHECK(*waits_for_room == errc::canceled);
  CHECK(*opens == errc::canceled);
  CHECK(!v.threads.exists("/b").value());
  CHECK(v.is_quiet());
}

TEST_CASE("space: what can not wait fails, though the handle waits", "[api][space][stream]") {
  full_volume v;
  spawn(v.context, [&]() -> awaitable<void> {
    auto f = (co_await v.fs.open("/a", open_mode::append, waits)).value();
    asio_error_code seen;
    CHECK(f.write_some(buffer_of("abc"), seen) == 0);
    CHECK(error(seen) == errc::quota_exceeded);
    CHECK(f.write_some_at(0, buffer_of("abc"), seen) == 0);
    CHECK(error(seen) == errc::quota_exceeded);
  });
  v.context.run();
  CHECK(v.is_quiet());
}

TEST_CASE("space: a thread's plain stream write waits", "[api][space][stream]") {
  full_volume v;
  const bool has_offset = GENERATE(false, true);
  auto thread = std::async(std::launch::async, [&] {
    auto f = v.threads.open("/b", open_mode::append, waits).value();
    asio_error_code seen;
    const std::size_t n = has_offset ? f.write_some_at(0, buffer_of("abc"), seen)
                                     : f.write_some(buffer_of("abc"), seen);
    return seen ? 0 : n;
  });
  await_waiting(v.over, 1);
  v.fill(900);
  CHECK(thread.get() == 3);
  CHECK(v.is_quiet());
}

TEST_CASE("space: who frees bytes resumes nobody inside itself", "[api][space]") {
  full_volume v;
  std::optional<error> ended;
  spawn(v.context, [&] { return append(v.fs, "/1", 300, ended); });
  v.context.poll();
  v.threads.remove("/filler").value();
  CHECK(!ended);
  CHECK(v.available() == 700);
  v.context.run();
  REQUIRE(ended);
  CHECK(!ended->code());
}

TEST_CASE("space: a deadline ends a coroutine's wait and passes on what was set aside",
          "[api][space][coroutines]") {
  full_volume v;
  std::optional<error> large, small;
  spawn(v.context, [&]() -> awaitable<void> {
    open_options options = waits;
    options.timeout = std::chrono::microseconds(1);
    auto f = (co_await v.fs.open("/large", open_mode::append, options)).value();
    const std::string content(900, 'x');
    v.fill(800);
    const auto written = co_await f.write(buffer_of(content));
    large = error_of(written);
  });
  spawn(v.context, [&] { return append(v.fs, "/small", 150, small); });
  v.context.run();
  REQUIRE((large && small));
  CHECK(*large == errc::timed_out);
  CHECK(!small->code());
  CHECK(v.is_quiet());
}

TEST_CASE("space: those who wait on a dying context leave uncalled, and pass on what they had",
          "[api][space][coroutines]") {
  full_volume v;
  bool resumed = false;
  auto dying = std::make_unique<asio::io_context>();
  file_system on_dying(dying->get_executor(), v.over);
  const auto wait_there = [&](std::string path, std::size_t n) {
    spawn(*dying, [&, path, n]() -> awaitable<void> {
      auto f = (co_await on_dying.open(path, open_mode::append, waits)).value();
      const std::string content(n, 'x');
      co_await f.write(buffer_of(content));
      resumed = true;
    });
    dying->poll();
  };
  std::optional<error> living;
  SECTION("the head, with bytes set aside") {
    wait_there("/head", 900);
    spawn(v.context, [&] { return append(v.fs, "/living", 200, living); });
    v.context.poll();
    v.fill(700);
  }
  SECTION("one who was granted, and never ran") {
    wait_there("/granted", 300);
    spawn(v.context, [&] { return append(v.fs, "/living", 300, living); });
    v.context.poll();
    v.fill(700);
  }
  SECTION("one in an open that holds the lock") {
    spawn(*dying, [&]() -> awaitable<void> {
      open_options options = waits;
      options.preallocate = 300;
      const auto f = co_await on_dying.open("/a", open_mode::update, options);
      resumed = true;
    });
    dying->poll();
    spawn(v.context, [&] { return append(v.fs, "/a", 1, living); });
    v.context.poll();
    CHECK(v.stats().waiting == 2);
    v.fill(800);
  }
  v.context.poll();
  CHECK(!living);
  dying.reset();
  v.context.run();
  CHECK(!resumed);
  REQUIRE(living);
  CHECK(!living->code());
  v.threads.write_file("/a", buffer_of("")).value();
  CHECK(v.is_quiet());
}

TEST_CASE("space: a thread behind a coroutine that is cancelled gets in",
          "[api][space][cancellation][fairness]") {
  full_volume v;
  std::optional<error> coroutine;
  spawn(v.context, v.signal, [&] { return append(v.fs, "/large", 900, coroutine); });
  v.context.poll();
  auto thread = std::async(std::launch::async, [&] {
    auto f = v.threads.open("/small", open_mode::append, waits).value();
    return error_of(f.write(buffer_of(std::string(200, 'x'))));
  });
  await_waiting(v.over, 2);
  v.fill(700);
  CHECK(v.stats().waiting == 2);
  v.signal.emit(cancellation_type::terminal);
  v.context.poll();
  CHECK(!thread.get().code());
  v.context.run();
  REQUIRE(coroutine);
  CHECK(*coroutine == errc::canceled);
  CHECK(v.is_quiet());
}

}  // namespace coramfs::tests
