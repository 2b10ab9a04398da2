// SPDX-License-Identifier: BSL-1.0
#include <coramfs/testing.hpp>

#include "support/catch.hpp"

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/read.hpp>
#include <asio/read_until.hpp>
#include <asio/redirect_error.hpp>
#include <asio/strand.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using namespace std::chrono_literals;
using asio::awaitable;
using asio::use_awaitable;
using testing::schedule;
using testing::simulation;
using testing::stream;
using testing::stream_options;
using testing::stream_pair;

/// How an operation has ended: nothing while it has not.
struct ending {
  std::optional<asio_error_code> how = {};
  std::size_t bytes = 0;

  auto handler() {
    return [this](const asio_error_code& ec, std::size_t n) {
      how = ec;
      bytes = n;
    };
  }
  bool is(const asio_error_code& ec) const { return how && *how == ec; }
};

/// All that comes until something else than bytes does, and the sizes in which it came.
struct received {
  std::string text = {};
  std::vector<std::size_t> pieces = {};
  asio_error_code end = {};
};

awaitable<void> receive(stream& from, received& to, std::size_t buffer_bytes = 64) {
  std::string buffer(buffer_bytes, '\0');
  while (!to.end) {
    const std::size_t n = co_await from.async_read_some(
        asio::buffer(buffer), asio::redirect_error(use_awaitable, to.end));
    if (to.end) break;
    to.text.append(buffer, 0, n);
    to.pieces.push_back(n);
  }
}

awaitable<void> send(stream& to, std::string text) {
  co_await asio::async_write(to, asio::buffer(text), use_awaitable);
}

awaitable<void> send_all(stream& to, std::string text) {
  co_await asio::async_write(to, asio::buffer(text), use_awaitable);
  to.shutdown(asio::socket_base::shutdown_send);
}

awaitable<void> send_and_close(stream& to, std::string text) {
  co_await asio::async_write(to, asio::buffer(text), use_awaitable);
  to.close();
}

std::string letters(std::size_t n) {
  std::string s;
  for (std::size_t i = 0; i < n; ++i) s += static_cast<char>('a' + i % 26);
  return s;
}

}  // namespace

TEST_CASE("stream_pair: bytes arrive in order, and the end after the last of them") {
  const std::string text = letters(1000);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    INFO("seed " << seed);
    received there;
    received back;
    simulation sim(schedule::uniform(seed));
    stream_pair p(sim, {.capacity_bytes = 100, .largest_piece_bytes = 30});
    sim.spawn(receive(p.second, there));
    sim.spawn(receive(p.first, back, 7));
    sim.spawn(send_all(p.second, text + "back"));
    sim.spawn(send_all(p.first, text));
    REQUIRE(sim.run());
    CHECK(there.text == text);
    CHECK(there.end == asio::error::eof);
    CHECK(back.text == text + "back");
    CHECK(back.end == asio::error::eof);
  }
}

TEST_CASE("stream_pair: a piece has any size up to the largest, by the seed") {
  const auto pieces = [](std::uint64_t seed) {
    received r;
    simulation sim(schedule::uniform(seed));
    stream_pair p(sim, {.largest_piece_bytes = 4});
    sim.spawn(receive(p.second, r));
    sim.run(send_and_close(p.first, letters(500)));
    REQUIRE(sim.run());
    return r.pieces;
  };
  const auto some = pieces(1);
  CHECK(std::set<std::size_t>(some.begin(), some.end()) == std::set<std::size_t>{1, 2, 3, 4});
  CHECK(pieces(1) == some);
  CHECK(pieces(2) != some);
}

TEST_CASE("stream_pair: the pieces of two pairs are not the same") {
  received r[2];
  simulation sim(schedule::fifo());
  stream_pair a(sim, {.largest_piece_bytes = 4});
  stream_pair b(sim, {.largest_piece_bytes = 4});
  sim.spawn(receive(a.second, r[0]));
  sim.spawn(receive(b.second, r[1]));
  sim.spawn(send_and_close(a.first, letters(100)));
  sim.spawn(send_and_close(b.first, letters(100)));
  REQUIRE(sim.run());
  CHECK(r[0].text == r[1].text);
  CHECK(r[0].pieces != r[1].pieces);
}

TEST_CASE("stream_pair: a write waits while as much is on its way as the capacity says") {
  ending first, second, read;
  std::array<char, 100> buffer{};
  simulation sim;
  stream_pair p(sim, {.capacity_bytes = 10, .largest_piece_bytes = 1000});
  const std::string text = letters(100);
  std::size_t sent = 0;
  while (true) {
    ending e;
    p.first.async_write_some(asio::buffer(text), e.handler());
    sim.run();
    if (!e.how) {
      p.first.cancel();
      sim.run();
      CHECK(e.is(asio::error::operation_aborted));
      CHECK(e.bytes == 0);
      break;
    }
    CHECK(e.is({}));
    sent += e.bytes;
  }
  CHECK(sent == 10);

  p.first.async_write_some(asio::buffer(text), first.handler());
  p.first.async_write_some(asio::buffer(text), second.handler());
  sim.run();
  CHECK_FALSE(first.how);
  p.second.async_read_some(asio::buffer(buffer), read.handler());
  sim.run();
  CHECK(read.is({}));
  CHECK(first.is({}));
  CHECK(first.bytes + (second.how ? second.bytes : 0) <= read.bytes);
}

TEST_CASE("stream_pair: operations of one direction are served in the order of their beginnings") {
  std::string order;
  std::array<char, 2> buffer{};
  simulation sim(schedule::fifo());
  stream_pair p(sim, {.largest_piece_bytes = 2});
  for (int i = 0; i < 3; ++i)
    p.second.async_read_some(asio::buffer(buffer), [&order, i](auto, std::size_t) {
      order += static_cast<char>('0' + i);
    });
  sim.run();
  CHECK(order.empty());
  sim.run(send(p.first, letters(20)));
  sim.run();
  CHECK(order == "012");
}

TEST_CASE("stream_pair: bytes are on their way for as long as they may, and do not overtake") {
  std::set<std::int64_t> delays;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    INFO("seed " << seed);
    received r;
    simulation sim(schedule::uniform(seed));
    stream_pair p(sim, {.largest_piece_bytes = 5, .shortest_delay = 10ms, .longest_delay = 30ms});
    const auto start = sim.now();
    sim.spawn(receive(p.second, r));
    sim.run(send(p.first, "x"));
    CHECK(sim.now() == start);
    sim.run();
    CHECK(r.text == "x");
    CHECK(sim.now() >= start + 10ms);
    CHECK(sim.now() <= start + 30ms);
    delays.insert((sim.now() - start).count());
    sim.run(send_and_close(p.first, letters(100)));
    CHECK_FALSE(r.end);
    REQUIRE(sim.run());
    CHECK(r.text == "x" + letters(100));
    CHECK(r.end == asio::error::eof);
  }
  CHECK(delays.size() > 25);
}

TEST_CASE("stream_pair: a delay without an end never is over") {
  ending read;
  std::array<char, 1> buffer{};
  constexpr auto never = testing::clock::duration::max();
  simulation sim;
  stream_pair p(sim, {.shortest_delay = never, .longest_delay = never});
  p.second.async_read_some(asio::buffer(buffer), read.handler());
  sim.run(send(p.first, "x"));
  CHECK(sim.run().is_stuck);
  CHECK_FALSE(read.how);
}

TEST_CASE("stream_pair: closing ends what is pending here, and what was sent still arrives") {
  ending read, write, peer;
  std::array<char, 10> buffer{};
  received r;
  simulation sim;
  stream_pair p(sim, {.capacity_bytes = 3});
  sim.run(send(p.first, "abc"));
  p.first.async_read_some(asio::buffer(buffer), read.handler());
  p.first.async_write_some(asio::buffer("d", 1), write.handler());
  sim.run();
  p.first.close();
  CHECK_FALSE(p.first.is_open());
  CHECK_FALSE(read.how);  // not within the call
  sim.run();
  CHECK(read.is(asio::error::operation_aborted));
  CHECK(write.is(asio::error::operation_aborted));
  sim.run(receive(p.second, r));
  CHECK(r.text == "abc");
  CHECK(r.end == asio::error::eof);
  p.second.async_write_some(asio::buffer("x", 1), peer.handler());
  sim.run();
  CHECK(peer.is(asio::error::broken_pipe));

  p.first.close();
  asio_error_code ec = asio::error::eof;
  p.first.close(ec);
  CHECK_FALSE(ec);
  CHECK_THROWS_AS(p.first.cancel(), asio_system_error);
  CHECK_THROWS_AS(p.first.shutdown(asio::socket_base::shutdown_both), asio_system_error);
  p.first.cancel(ec);
  CHECK(ec == asio::error::bad_descriptor);
  p.first.async_read_some(asio::buffer(buffer), read.handler());
  p.first.async_write_some(asio::buffer(buffer), write.handler());
  REQUIRE(sim.run());
  CHECK(read.is(asio::error::bad_descriptor));
  CHECK(write.is(asio::error::bad_descriptor));
}

TEST_CASE("stream_pair: a write that waits for an end that is closed finds it gone") {
  ending write;
  simulation sim;
  stream_pair p(sim, {.capacity_bytes = 1});
  sim.run(send(p.first, "a"));
  p.first.async_write_some(asio::buffer("b", 1), write.handler());
  sim.run();
  CHECK_FALSE(write.how);
  p.second.close();
  REQUIRE(sim.run());
  CHECK(write.is(asio::error::broken_pipe));
}

TEST_CASE("stream_pair: a reset loses what is on its way, and the other end is told") {
  ending own, peer_read, peer_write;
  std::array<char, 10> buffer{};
  simulation sim;
  stream_pair p(sim, {.capacity_bytes = 3});
  sim.run(send(p.first, "abc"));
  sim.run(send(p.second, "abc"));
  p.first.async_write_some(asio::buffer("d", 1), own.handler());
  p.second.async_write_some(asio::buffer("d", 1), peer_write.handler());
  sim.run();
  p.first.reset();
  CHECK_FALSE(p.first.is_open());
  CHECK(p.second.is_open());
  p.second.async_read_some(asio::buffer(buffer), peer_read.handler());
  REQUIRE(sim.run());
  CHECK(own.is(asio::error::operation_aborted));
  CHECK(peer_read.is(asio::error::connection_reset));
  CHECK(peer_write.is(asio::error::connection_reset));
  p.first.reset();
}

TEST_CASE("stream_pair: a connection breaks by the seed, for both ends") {
  int broken = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    INFO("seed " << seed);
    received r;
    asio_error_code sent, answer;
    char c = 0;
    simulation sim(schedule::uniform(seed));
    stream_pair p(sim, {.largest_piece_bytes = 10, .reset_rate = 0.1});
    sim.spawn(receive(p.second, r));
    sim.run([&]() -> awaitable<void> {
      co_await asio::async_write(p.first, asio::buffer(letters(50)),
                                 asio::redirect_error(use_awaitable, sent));
      if (!sent) p.first.shutdown(asio::socket_base::shutdown_send);
      if (sent)
        co_await p.first.async_read_some(asio::buffer(&c, 1),
                                         asio::redirect_error(use_awaitable, answer));
    });
    REQUIRE(sim.run());
    CHECK(letters(50).starts_with(r.text));
    if (sent) {
      ++broken;
      CHECK(sent == asio::error::connection_reset);
      CHECK(answer == asio::error::connection_reset);
      CHECK(r.end == asio::error::connection_reset);
      CHECK(p.first.is_open());
    } else {
      CHECK((r.end == asio::error::connection_reset || r.text == letters(50)));
    }
  }
  CHECK(broken > 10);
  CHECK(broken < 100);
}

TEST_CASE("stream_pair: shut down in one direction, the other goes on") {
  ending write, read;
  std::array<char, 10> buffer{};
  received r;
  simulation sim;
  stream_pair p(sim);
  p.first.shutdown(asio::socket_base::shutdown_send);
  p.first.async_write_some(asio::buffer("x", 1), write.handler());
  p.second.async_read_some(asio::buffer(buffer), read.handler());
  sim.run();
  CHECK(write.is(asio::error::broken_pipe));
  CHECK(read.is(asio::error::eof));
  sim.run(send_and_close(p.second, "still"));
  sim.run(receive(p.first, r));
  CHECK(r.text == "still");

  stream_pair q(sim);
  q.first.async_read_some(asio::buffer(buffer), read.handler());
  sim.run();
  q.first.shutdown(asio::socket_base::shutdown_receive);
  sim.run(send(q.second, letters(100'000)));  // more than the capacity: it is dropped
  CHECK(read.is(asio::error::eof));
  sim.run(send(q.first, "yes"));
  read = {};
  q.second.async_read_some(asio::buffer(buffer), read.handler());
  sim.run();
  CHECK(read.is({}));
  CHECK(read.bytes > 0);
}

TEST_CASE("stream_pair: cancelled as a socket is") {
  ending read, write, later;
  std::array<char, 10> buffer{};
  asio::cancellation_signal stop;
  simulation sim;
  stream_pair p(sim, {.capacity_bytes = 1});
  sim.run(send(p.first, "a"));
  p.second.async_read_some(asio::buffer(buffer, 1), read.handler());
  sim.run();
  CHECK(read.is({}));

  read = {};
  p.second.async_read_some(asio::buffer(buffer),
                           asio::bind_cancellation_slot(stop.slot(), read.handler()));
  p.second.async_read_some(asio::buffer(buffer), later.handler());
  sim.run();
  CHECK_FALSE(read.how);
  stop.emit(asio::cancellation_type::total);
  CHECK_FALSE(read.how);  // not within the call
  sim.run();
  CHECK(read.is(asio::error::operation_aborted));
  CHECK_FALSE(later.how);
  stop.emit(asio::cancellation_type::terminal);  // nothing is there any more

  sim.run(send(p.first, "b"));
  sim.run();
  CHECK(later.is({}));  // it lost nothing to the one that was cancelled
  CHECK(buffer[0] == 'b');

  sim.run(send(p.first, "c"));
  p.first.async_write_some(asio::buffer("d", 1), write.handler());
  read = {};
  p.first.async_read_some(asio::buffer(buffer), read.handler());
  sim.run();
  p.first.cancel();
  REQUIRE(sim.run());
  CHECK(write.is(asio::error::operation_aborted));
  CHECK(read.is(asio::error::operation_aborted));
  CHECK(p.first.is_open());
}

TEST_CASE("stream_pair: without a byte to move, an operation ends at once") {
  ending read, write;
  simulation sim;
  stream_pair p(sim);
  p.first.async_read_some(asio::buffer(static_cast<char*>(nullptr), 0), read.handler());
  p.first.async_write_some(asio::buffer("", 0), write.handler());
  CHECK_FALSE(read.how);
  REQUIRE(sim.run());
  CHECK(read.is({}));
  CHECK(write.is({}));
}

TEST_CASE("stream_pair: several buffers are one message") {
  std::array<char, 2> one{};
  std::array<char, 3> two{};
  simulation sim;
  stream_pair p(sim);
  const std::string hello = "hel", rest = "lo";
  sim.spawn([&]() -> awaitable<void> {
    const std::array<asio::const_buffer, 2> parts{asio::buffer(hello), asio::buffer(rest)};
    co_await asio::async_write(p.first, parts, use_awaitable);
  });
  sim.run([&]() -> awaitable<void> {
    const std::array<asio::mutable_buffer, 2> parts{asio::buffer(one), asio::buffer(two)};
    co_await asio::async_read(p.second, parts, use_awaitable);
  });
  CHECK(std::string(one.begin(), one.end()) + std::string(two.begin(), two.end()) == "hello");
}

TEST_CASE("stream_pair: a line is read and what comes after it is not lost") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    std::string read;
    received rest;
    simulation sim(schedule::uniform(seed));
    stream_pair p(sim, {.largest_piece_bytes = 3});
    sim.spawn(send_and_close(p.first, "one line\nand the rest"));
    const std::size_t line = sim.run([&]() -> awaitable<std::size_t> {
      co_return co_await asio::async_read_until(p.second, asio::dynamic_buffer(read), '\n',
                                                use_awaitable);
    });
    CHECK(read.substr(0, line) == "one line\n");
    sim.run(receive(p.second, rest));
    CHECK(read.substr(line) + rest.text == "and the rest");
  }
}

TEST_CASE("stream_pair: an end that is moved keeps what is pending, and one that goes closes") {
  ending read;
  std::array<char, 10> buffer{};
  simulation sim;
  std::optional<stream> kept;
  {
    stream_pair p(sim);
    p.first.async_read_some(asio::buffer(buffer), read.handler());
    sim.run();
    kept.emplace(std::move(p.first));
    CHECK_FALSE(p.first.is_open());
    ending on_closed;
    CHECK(p.first.get_executor() == asio::any_io_executor(sim.get_executor()));
    p.first.async_read_some(asio::buffer(buffer), on_closed.handler());
    sim.run();
    CHECK(on_closed.is(asio::error::bad_descriptor));
    sim.run(send(p.second, "x"));
    sim.run();
    CHECK(read.is({}));
    read = {};
    kept->async_read_some(asio::buffer(buffer), read.handler());
    sim.run();
  }
  sim.run();
  CHECK(read.is(asio::error::eof));

  stream_pair q(sim);
  *kept = std::move(q.first);
  sim.run(send(q.second, "x"));
  stream& same = *kept;
  *kept = std::move(same);
  kept->async_read_some(asio::buffer(buffer), read.handler());
  REQUIRE(sim.run());
  CHECK(read.is({}));
}

TEST_CASE("stream_pair: handlers run on their executors") {
  simulation sim;
  auto strand = asio::make_strand(sim.get_executor());
  bool was_there = false;
  std::array<char, 10> buffer{};
  stream_pair p(sim);
  stream_pair on_strand(strand);
  CHECK(on_strand.first.get_executor() == asio::any_io_executor(strand));
  on_strand.first.async_read_some(asio::buffer(buffer), [&](auto, std::size_t) {
    was_there = strand.running_in_this_thread();
  });
  sim.run(send(on_strand.second, "x"));
  sim.run();
  CHECK(was_there);
}

TEST_CASE("stream_pair: what can not be is refused") {
  simulation sim, other;
  asio::io_context io;
  CHECK_THROWS_AS(stream_pair(io.get_executor()), std::logic_error);
  CHECK_THROWS_AS(stream_pair(sim.get_executor(), other.get_executor()), std::logic_error);
  CHECK_THROWS_AS(stream_pair(sim, {.capacity_bytes = 0}), std::invalid_argument);
  CHECK_THROWS_AS(stream_pair(sim, {.largest_piece_bytes = 0}), std::invalid_argument);
  CHECK_THROWS_AS(stream_pair(sim, {.shortest_delay = -1ms}), std::invalid_argument);
  CHECK_THROWS_AS(stream_pair(sim, {.shortest_delay = 2ms, .longest_delay = 1ms}),
                  std::invalid_argument);
  CHECK_THROWS_AS(stream_pair(sim, {.reset_rate = 1.5}), std::invalid_argument);
}

TEST_CASE("stream_pair: who waits on a stream or a timer is named where nothing goes on") {
  simulation sim;
  stream_pair p(sim, {.capacity_bytes = 1});
  testing::timer never(sim, testing::clock::time_point::max());
  received r;
  sim.spawn([&]() -> awaitable<void> { co_await send(p.second, "xy"); }, "sender");
  sim.spawn([&]() -> awaitable<void> { co_await receive(p.second, r); }, "receiver");
  sim.spawn([&]() -> awaitable<void> { co_await never.async_wait(asio::use_awaitable); },
            "sleeper");
  sim.advance(2s);
  const testing::outcome o = sim.run();
  REQUIRE(o.waits.size() == 3);
  for (const char* const line : {"\n  stream write of coroutine \"sender\" waits since 2.000 s",
                                 "\n  stream read of coroutine \"receiver\" waits since 2.000 s",
                                 "\n  timer of coroutine \"sleeper\" waits since 2.000 s"}) {
    CAPTURE(o.report, line);
    CHECK(o.report.find(line) != std::string::npos);
  }
  for (std::size_t i = 0; i < 3; ++i) CHECK(o.waits[i].coroutine != 0);
}

TEST_CASE("stream_pair: an end in a coroutine that never goes on is destroyed with it") {
  received r;
  {
    simulation sim;
    stream_pair p(sim);
    sim.spawn(
        [&, s = std::move(p.second)]() mutable -> awaitable<void> { co_await receive(s, r); });
    CHECK(sim.run().is_stuck);
    CHECK_FALSE(r.end);
  }
  CHECK_FALSE(r.end);
}

}  // namespace coramfs::tests
