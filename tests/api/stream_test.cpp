// SPDX-License-Identifier: BSL-1.0
// A file as a model of Asio's streams and devices, with Asio's own composed operations, and over
// real sockets.
#include <coramfs/file_buffer.hpp>

#include "api/coroutines.hpp"
#include "support/await_waiting.hpp"

#include <asio/bind_cancellation_slot.hpp>
#include <asio/buffered_stream.hpp>
#include <asio/co_spawn.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/read_at.hpp>
#include <asio/read_until.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <asio/write.hpp>
#include <asio/write_at.hpp>

#include <array>
#include <concepts>
#include <cstdint>
#include <future>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

namespace coramfs::tests {

namespace {

using asio::ip::tcp;
using callback = void (*)(asio_error_code, std::size_t);

template <class T>
concept sync_stream = requires(T& s, asio::mutable_buffer to, asio::const_buffer from,
                               asio_error_code& ec) {
  { s.read_some(to) } -> std::same_as<std::size_t>;
  { s.read_some(to, ec) } -> std::same_as<std::size_t>;
  { s.write_some(from) } -> std::same_as<std::size_t>;
  { s.write_some(from, ec) } -> std::same_as<std::size_t>;
};
template <class T>
concept sync_device = requires(T& d, std::uint64_t offset, asio::mutable_buffer to,
                               asio::const_buffer from, asio_error_code& ec) {
  { d.read_some_at(offset, to) } -> std::same_as<std::size_t>;
  { d.read_some_at(offset, to, ec) } -> std::same_as<std::size_t>;
  { d.write_some_at(offset, from) } -> std::same_as<std::size_t>;
  { d.write_some_at(offset, from, ec) } -> std::same_as<std::size_t>;
};
template <class T>
concept async_stream = requires(T& s, asio::mutable_buffer to, asio::const_buffer from,
                                callback handler) {
  typename T::executor_type;
  { s.get_executor() } -> std::same_as<typename T::executor_type>;
  s.async_read_some(to, handler);
  s.async_write_some(from, handler);
};
template <class T>
concept async_device = requires(T& d, std::uint64_t offset, asio::mutable_buffer to,
                                asio::const_buffer from, callback handler) {
  d.async_read_some_at(offset, to, handler);
  d.async_write_some_at(offset, from, handler);
};

static_assert(sync_stream<file> && sync_device<file> && async_stream<file> && async_device<file>);
static_assert(sync_stream<sync::file> && sync_device<sync::file>);
static_assert(asio::is_dynamic_buffer_v2<file_buffer>::value);
static_assert(asio::is_const_buffer_sequence<pinned>::value);
static_assert(asio::is_mutable_buffer_sequence<prepared>::value);

/// A file that was opened on a context which runs when it is told to.
struct fixture {
  asio::io_context context;
  volume v = volume::create({.default_storage = storage_layout::automatic}).value();
  file_system fs{context.get_executor(), v};
  sync::file_system threads{v};

  file open(const std::string& path, open_mode mode, open_options options = {}) {
    auto opened = fs.open(path, mode, options, asio::use_future);
    context.restart();
    context.run();
    return opened.get().value();
  }
  void run() {
    context.restart();
    context.run();
  }
  std::string content(const std::string& path) { return text_of(threads.read_file(path).value()); }
};

/// Two ends of a connection.
struct connection {
  tcp::socket here, there;

  explicit connection(asio::io_context& context) : here(context), there(context) {
    tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    here.connect(acceptor.local_endpoint());
    acceptor.accept(there);
  }
};

std::string many_lines(std::size_t size) {
  std::string text;
  while (text.size() < size) text += "line " + std::to_string(text.size()) + "\n";
  return text;
}

}  // namespace

TEST_CASE("stream: buffers are used in order, and the cursor moves", "[api][stream]") {
  fixture t;
  file f = t.open("/a", open_mode::create);
  const std::array<asio::const_buffer, 3> pieces{buffer_of("abc"), buffer_of(""), buffer_of("de")};
  asio_error_code ec = asio::error::eof;
  CHECK(f.write_some(pieces, ec) == 5);
  CHECK(!ec);
  CHECK(f.write_some_at(5, pieces, ec) == 5);
  CHECK(f.tell().value() == 5);
  f.close().value();
  file r = t.open("/a", open_mode::read);
  std::array<char, 2> one{};
  std::array<char, 4> other{};
  const std::array<asio::mutable_buffer, 2> places{asio::buffer(one), asio::buffer(other)};
  CHECK(r.read_some(places, ec) == 6);
  CHECK(!ec);
  CHECK(std::string(one.data(), 2) + std::string(other.data(), 4) == "abcdea");
  CHECK(r.tell().value() == 6);
  CHECK(r.read_some(places, ec) == 4);
  CHECK(!ec);
  CHECK(r.read_some_at(8, places, ec) == 2);
  CHECK(r.tell().value() == 10);
}

TEST_CASE("stream: the end is eof, an empty sequence is nothing", "[api][stream]") {
  fixture t;
  t.threads.write_file("/a", buffer_of("abc")).value();
  file f = t.open("/a", open_mode::read);
  std::array<char, 3> to{};
  asio_error_code ec;
  CHECK(f.read_some_at(3, asio::buffer(to), ec) == 0);
  CHECK(ec == asio::error::eof);
  CHECK(f.read_some_at(99, asio::buffer(to), ec) == 0);
  CHECK(ec == asio::error::eof);
  CHECK(f.read_some_at(3, asio::mutable_buffer(), ec) == 0);
  CHECK(!ec);
  CHECK(f.read_some(asio::buffer(to)) == 3);
  CHECK_THROWS_AS(f.read_some(asio::buffer(to)), asio_system_error);
}

TEST_CASE("stream: errors are those of the plain operations", "[api][stream]") {
  fixture t;
  const std::string text = "abc";
  std::array<char, 3> to{};
  asio_error_code ec;
  file w = t.open("/a", open_mode::create);
  CHECK(w.read_some(asio::buffer(to), ec) == 0);
  CHECK(ec == make_error_code(errc::not_readable));
  w.close().value();
  CHECK(w.write_some(buffer_of(text), ec) == 0);
  CHECK(ec == make_error_code(errc::not_open));
  file r = t.open("/a", open_mode::read);
  CHECK(r.write_some(buffer_of(text), ec) == 0);
  CHECK(ec == make_error_code(errc::not_writable));
  CHECK_THROWS_AS(r.write_some(buffer_of(text)), asio_system_error);
}

TEST_CASE("stream: the error behind a code tells its numbers and its path",
          "[api][stream][errors]") {
  asio::io_context context;
  const auto v = volume::create({.max_quota = 100, .accounting = accounting::payload}).value();
  file_system fs(context, v);
  auto opened = fs.open("/a", open_mode::write_read, asio::use_future);
  context.run();
  file f = opened.get().value();
  const std::string text(150, 'x');
  std::array<char, 3> to{};
  asio_error_code ec;
  CHECK(!f.last_error());
  CHECK(f.read_some(asio::buffer(to), ec) == 0);
  CHECK(ec == asio::error::eof);
  CHECK(!f.last_error());
  const auto tells = [&](const error& why, const char* path) {
    CHECK(ec == why.code());
    CHECK(why == errc::quota_exceeded);
    CHECK(why.requested() == 150);
    CHECK(why.available() == 100);
    CHECK(why.details().path == path);
  };
  SECTION("blocking, until the next failure, and in the file that it is moved to") {
    f.write_some(buffer_of(text), ec);
    tells(f.last_error(), "/a");
    asio_error_code none;
    CHECK(f.write_some_at(0, asio::buffer("abc", 3), none) == 3);
    CHECK(!none);
    file moved = std::move(f);
    CHECK(moved.last_error() == errc::quota_exceeded);
    f = std::move(moved);
    CHECK(f.last_error() == errc::quota_exceeded);
    f.close().value();
    f.read_some(asio::buffer(to), none);
    CHECK(f.last_error() == errc::not_open);
  }
  SECTION("a composed operation") {
    asio::async_write(f, buffer_of(text), [&](asio_error_code e, std::size_t) { ec = e; });
    context.restart();
    context.run();
    tells(f.last_error(), "/a");
  }
  SECTION("in a thread") {
    sync::file s = sync::file_system(v).open("/b", open_mode::write).value();
    CHECK(!s.last_error());
    asio::write(s, buffer_of(text), ec);
    tells(s.last_error(), "/b");
  }
}

TEST_CASE("stream: a write takes the whole sequence or nothing of it", "[api][stream]") {
  asio::io_context context;
  const auto v = volume::create({.max_quota = 100, .accounting = accounting::payload}).value();
  sync::file_system threads(v);
  auto f = threads.open("/a", open_mode::create).value();
  const std::string half(60, 'x');
  const std::array<asio::const_buffer, 2> pieces{buffer_of(half), buffer_of(half)};
  asio_error_code ec;
  CHECK(f.write_some(pieces, ec) == 0);
  CHECK(ec == make_error_code(errc::quota_exceeded));
  CHECK(ec == std::errc::no_space_on_device);
  CHECK(f.size().value() == 0);
  CHECK(v.stats().used_bytes == 0);
}

TEST_CASE("stream: asio::write and asio::read, and the forms with an offset", "[api][stream]") {
  fixture t;
  const std::string text = many_lines(300'000);
  t.threads.write_file("/a", {}).value();
  file f = t.open("/a", open_mode::update);
  CHECK(asio::write(f, asio::buffer(text)) == text.size());
  f.seek(0).value();
  std::string back(text.size(), '\0');
  CHECK(asio::read(f, asio::buffer(back)) == text.size());
  CHECK(back == text);
  CHECK(asio::write_at(f, 10, asio::buffer(text)) == text.size());
  std::string part(1000, '\0');
  CHECK(asio::read_at(f, 10, asio::buffer(part)) == part.size());
  CHECK(part == text.substr(0, 1000));
}

TEST_CASE("stream: async_write and async_read, and the forms with an offset", "[api][stream]") {
  fixture t;
  const std::string text = many_lines(3'000'000);
  t.threads.write_file("/a", {}).value();
  std::string back(text.size(), '\0'), part(1000, '\0');
  spawn(t.context, [&]() -> asio::awaitable<void> {
    auto f = co_await t.fs.open("/a", open_mode::update);
    file& a = f.value();
    co_await asio::async_write(a, asio::buffer(text), asio::use_awaitable);
    a.seek(0).value();
    co_await asio::async_read(a, asio::buffer(back), asio::use_awaitable);
    co_await asio::async_write_at(a, 10, asio::buffer(text), asio::use_awaitable);
    co_await asio::async_read_at(a, 10, asio::buffer(part), asio::use_awaitable);
  });
  t.run();
  CHECK(back == text);
  CHECK(part == text.substr(0, 1000));
}

TEST_CASE("stream: a handler is called later, and eof is told", "[api][stream]") {
  fixture t;
  t.threads.write_file("/a", buffer_of("abc")).value();
  file f = t.open("/a", open_mode::read);
  std::array<char, 5> to{};
  std::optional<std::size_t> count;
  asio_error_code seen;
  f.async_read_some(asio::buffer(to), [&](asio_error_code ec, std::size_t n) {
    seen = ec;
    count = n;
  });
  CHECK(!count);
  t.run();
  CHECK(count == 3);
  CHECK(!seen);
  f.async_read_some(asio::buffer(to), [&](asio_error_code ec, std::size_t n) {
    seen = ec;
    count = n;
  });
  t.run();
  CHECK(count == 0);
  CHECK(seen == asio::error::eof);
}

TEST_CASE("stream: a write that waits for space ends when there is some", "[api][stream][space]") {
  asio::io_context context;
  const auto v = volume::create({.max_quota = 100, .accounting = accounting::payload}).value();
  file_system fs(context.get_executor(), v);
  sync::file_system threads(v);
  threads.write_file("/full", buffer_of(std::string(90, 'x'))).value();
  const std::string half(20, 'y');
  asio_error_code seen = asio::error::eof;
  std::size_t count = 0;
  asio::cancellation_signal signal;
  std::optional<file> f;
  const open_options wait{.on_full = when_full::wait};
  fs.open("/a", open_mode::create, wait, [&](result<file> opened) {
    f = std::move(opened).value();
    const std::array<asio::const_buffer, 2> pieces{buffer_of(half), buffer_of(half)};
    CHECK(!f->last_error());
    f->async_write_some(
        pieces, asio::bind_cancellation_slot(signal.slot(), [&](asio_error_code ec, std::size_t n) {
          seen = ec;
          count = n;
        }));
  });
  context.poll();
  CHECK(v.stats().waiting == 1);
  SECTION("it is served") {
    threads.remove("/full").value();
    context.restart();
    context.run();
    CHECK(!seen);
    CHECK(count == 40);
    CHECK(f->size().value() == 40);
  }
  SECTION("it is cancelled") {
    signal.emit(asio::cancellation_type::total);
    context.restart();
    context.run();
    CHECK(seen == asio::error::operation_aborted);
    CHECK(f->last_error() == errc::canceled);
    CHECK(f->last_error().details().path == "/a");
    CHECK(count == 0);
    CHECK(f->size().value() == 0);
  }
  CHECK(v.stats().waiting == 0);
}

TEST_CASE("stream: a body goes from a socket into prepared room, and out of a pin",
          "[api][stream][zero_copy]") {
  fixture t;
  connection in(t.context), out(t.context);
  const std::string text = many_lines(2'000'000);
  std::string received(text.size(), '\0');
  spawn(t.context, [&]() -> asio::awaitable<void> {
    co_await asio::async_write(in.here, asio::buffer(text), asio::use_awaitable);
    in.here.close();
  });
  spawn(t.context, [&]() -> asio::awaitable<void> {
    auto f = co_await t.fs.open("/body", open_mode::create);
    for (std::size_t left = text.size(); left > 0;) {
      auto room = co_await f.value().prepare(64 * 1024);
      const std::size_t n = co_await in.there.async_read_some(room.value(), asio::use_awaitable);
      f.value().commit(n).value();
      left -= n;
    }
    f.value().close().value();
    auto r = co_await t.fs.open("/body", open_mode::read);
    const pinned all = r.value().pin(0, text.size()).value();
    co_await asio::async_write(out.here, all, asio::use_awaitable);
    out.here.close();
  });
  spawn(t.context, [&]() -> asio::awaitable<void> {
    co_await asio::async_read(out.there, asio::buffer(received), asio::use_awaitable);
  });
  t.run();
  CHECK(t.content("/body") == text);
  CHECK(received == text);
}

TEST_CASE("file buffer: async_read_until reads a head from a socket into the file",
          "[api][stream][buffer]") {
  fixture t;
  connection c(t.context);
  const std::string text = "GET / HTTP/1.0\r\nHost: here\r\n\r\nand a body";
  t.threads.write_file("/request", {}).value();
  std::size_t head = 0;
  spawn(t.context, [&]() -> asio::awaitable<void> {
    co_await asio::async_write(c.here, asio::buffer(text), asio::use_awaitable);
    c.here.close();
  });
  spawn(t.context, [&]() -> asio::awaitable<void> {
    auto f = co_await t.fs.open("/request", open_mode::update);
    file_buffer buffer(f.value());
    head = co_await asio::async_read_until(c.there, buffer, "\r\n\r\n", asio::use_awaitable);
    buffer.consume(head);
    CHECK(f.value().tell().value() == head);
  });
  t.run();
  CHECK(head == text.find("and a body"));
  CHECK(t.content("/request").substr(0, head) == text.substr(0, head));
}

TEST_CASE("stream: asio::buffered_stream goes over a file", "[api][stream]") {
  asio::io_context context;
  auto fs = file_system::create(context, {.max_quota = 1 << 20}).value();
  CHECK(fs.get_executor() == asio::any_io_executor(context.get_executor()));
  const auto done = [&]() -> asio::awaitable<std::string> {
    auto opened = co_await fs.open("/a", open_mode::create_read);
    file f = std::move(opened).value();
    asio::buffered_stream<file&> s(f);
    co_await asio::async_write(s, asio::buffer("hello\nworld\n", 12), asio::use_awaitable);
    co_await s.async_flush(asio::use_awaitable);
    f.seek(0).value();
    std::string line;
    co_await asio::async_read_until(s, asio::dynamic_buffer(line), '\n', asio::use_awaitable);
    co_return line;
  };
  auto line = asio::co_spawn(context, done(), asio::use_future);
  context.run();
  CHECK(line.get() == "hello\nworld\n");
  CHECK(file_system(context, fs.get_volume()).get_executor() == fs.get_executor());
}

TEST_CASE("stream: buffers that are more than can be counted are too large", "[api][stream]") {
  fixture t;
  t.threads.write_file("/a", buffer_of("abc")).value();
  const char c = 'x';
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  const std::array wraps{asio::const_buffer(&c, 1), asio::const_buffer(&c, most),
                         asio::const_buffer(&c, 1)};
  file f = t.open("/a", open_mode::update);
  asio_error_code ec;
  CHECK(f.write_some(wraps, ec) == 0);
  CHECK(ec == make_error_code(errc::too_large));
  ec.clear();
  CHECK(f.write_some_at(2, wraps, ec) == 0);
  CHECK(ec == make_error_code(errc::too_large));
  auto written = f.async_write_some_at(1, wraps, asio::use_future);
  t.run();
  CHECK_THROWS_AS(written.get(), asio_system_error);
  f.close().value();
  CHECK(t.content("/a") == "abc");
  sync::file g = t.threads.open("/a", open_mode::update).value();
  ec.clear();
  CHECK(g.write_some(wraps, ec) == 0);
  CHECK(ec == make_error_code(errc::too_large));
}

namespace {

/// Shows every asynchronous call of a stream and of a device, which takes a handler.
template <class See>
void see_calls(file& f, See see) {
  std::array<char, 4> to{};
  const auto from = asio::buffer("abc", 3);
  see([&](auto handler) { f.async_read_some(asio::buffer(to), handler); });
  see([&](auto handler) { f.async_write_some(from, handler); });
  see([&](auto handler) { f.async_read_some_at(0, asio::buffer(to), handler); });
  see([&](auto handler) { f.async_write_some_at(0, from, handler); });
}

}  // namespace

TEST_CASE("streams: a file that is closed, moved from or none fails in every asynchronous call",
          "[api][stream][close]") {
  asio::io_context context;
  auto fs = file_system::create(context.get_executor()).value();
  file none, closed, moved_from, moved_to;
  const auto on_full = GENERATE(when_full::reject, when_full::wait);
  spawn(context, [&]() -> asio::awaitable<void> {
    closed = (co_await fs.open("/a", open_mode::create, {.on_full = on_full})).value();
    closed.close().value();
    moved_from = (co_await fs.open("/b", open_mode::update, {})).value();
  });
  sync::file_system(fs.get_volume()).write_file("/b", buffer_of("b")).value();
  context.run();
  moved_to = std::move(moved_from);
  for (file* const f : {&none, &closed, &moved_from}) {
    int failed = 0;
    // One without an executor ends on another thread.
    see_calls(*f, [&](auto call) {
      const auto ended = std::make_shared<std::promise<asio_error_code>>();
      call([ended](const asio_error_code& ec, std::size_t) { ended->set_value(ec); });
      context.restart();
      context.run();
      failed += ended->get_future().get() == error(errc::not_open).code() ? 1 : 0;
    });
    CHECK(failed == 4);
    spawn(context, [&, f]() -> asio::awaitable<void> {
      std::array<char, 4> to{};
      bytes given = bytes_of("abc");
      const auto see = [&](const error& e) { failed += e == errc::not_open ? 1 : 0; };
      const auto read = co_await f->read(asio::buffer(to));
      see(error_of(read));
      const auto all = co_await f->read_all();
      see(error_of(all));
      const auto read_at = co_await f->read_at(0, asio::buffer(to));
      see(error_of(read_at));
      const auto written = co_await f->write(buffer_of("abc"));
      see(error_of(written));
      const auto taken = co_await f->write(std::move(given));
      see(error_of(taken));
      const auto written_at = co_await f->write_at(0, buffer_of("abc"));
      see(error_of(written_at));
      const auto nothing = co_await f->write(asio::const_buffer());
      see(error_of(nothing));
      const auto cut = co_await f->truncate(1);
      see(error_of(cut));
      const auto prepared = co_await f->prepare(1);
      see(error_of(prepared));
    });
    failed = 0;
    context.restart();
    context.run();
    CHECK(failed == 9);
    asio_error_code ec;
    std::array<char, 4> to{};
    CHECK(f->read_some(asio::buffer(to), ec) == 0);
    CHECK(ec == error(errc::not_open).code());
    CHECK(f->write_some(buffer_of("abc"), ec) == 0);
    CHECK(ec == error(errc::not_open).code());
    CHECK(error_of(f->pin(0, 1)) == errc::not_open);
    CHECK(error_of(f->commit(0)) == errc::not_open);
    CHECK(error_of(f->seek(0)) == errc::not_open);
    CHECK(error_of(f->tell()) == errc::not_open);
    CHECK(error_of(f->size()) == errc::not_open);
    CHECK(error_of(f->flush()) == errc::not_open);
    CHECK(f->close().has_value());
  }
}

TEST_CASE("streams: a blocking file that is closed or none fails in every call",
          "[api][stream][close]") {
  auto fs = sync::file_system::create().value();
  sync::file none, closed = fs.open("/a", open_mode::create).value();
  closed.close().value();
  std::array<char, 4> to{};
  for (sync::file* const f : {&none, &closed}) {
    CHECK(error_of(f->read(asio::buffer(to))) == errc::not_open);
    CHECK(error_of(f->read_all()) == errc::not_open);
    CHECK(error_of(f->read_at(0, asio::buffer(to))) == errc::not_open);
    CHECK(error_of(f->write(buffer_of("abc"))) == errc::not_open);
    CHECK(error_of(f->write(bytes_of("abc"))) == errc::not_open);
    CHECK(error_of(f->write_at(0, buffer_of("abc"))) == errc::not_open);
    CHECK(error_of(f->truncate()) == errc::not_open);
    CHECK(error_of(f->pin(0, 1)) == errc::not_open);
    CHECK(error_of(f->prepare(1)) == errc::not_open);
    CHECK(error_of(f->commit(0)) == errc::not_open);
    CHECK(error_of(f->seek(0)) == errc::not_open);
    CHECK(error_of(f->tell()) == errc::not_open);
    CHECK(error_of(f->size()) == errc::not_open);
    CHECK(error_of(f->flush()) == errc::not_open);
    asio_error_code ec;
    CHECK(f->read_some_at(0, asio::buffer(to), ec) == 0);
    CHECK(ec == error(errc::not_open).code());
    CHECK(f->write_some_at(0, buffer_of("abc"), ec) == 0);
    CHECK(ec == error(errc::not_open).code());
  }
}

}  // namespace coramfs::tests
