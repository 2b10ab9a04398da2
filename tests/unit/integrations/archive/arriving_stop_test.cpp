// SPDX-License-Identifier: BSL-1.0
// What ends an archive that arrives before it is whole: cancellations at any time, decoders that
// fail, on one thread and on many, and streams that misbehave.
#include <coramfs/archive.hpp>
#include <coramfs/testing/fault_policy.hpp>

#include "integrations/archive/arriving_input.hpp"
#include "integrations/archive/libarchive_stream.hpp"

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/archive/arriving_streams.hpp"
#include "unit/integrations/archive/expand_by.hpp"
#include "unit/integrations/archive/makers.hpp"

#include <asio/async_result.hpp>
#include <asio/local/connect_pair.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/thread_pool.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace coramfs::tests {

namespace {

using asio::cancellation_type;
using local_socket = asio::local::stream_protocol::socket;

// Keeps another thread than this where it first makes something in the volume, until it is let go.
class stop_at_first_point final : public testing::fault_policy {
 public:
  std::optional<error> at(testing::fault_point, std::string_view, std::uint64_t) override {
    if (std::this_thread::get_id() != own_ && !is_met_.exchange(true)) go_.get_future().wait();
    return std::nullopt;
  }
  void let_go() { go_.set_value(); }

 private:
  const std::thread::id own_ = std::this_thread::get_id();
  std::atomic<bool> is_met_{false};
  std::promise<void> go_;
};

// A pool whose only thread has something else to do.
class busy_pool {
 public:
  explicit busy_pool(asio::io_context& context) {
    spawn(context, [this]() -> asio::awaitable<void> {
      auto wait = [this] { go_.get_future().wait(); };
      co_await offload(pool_, wait);
    });
    context.poll();
  }
  expand_options options() {
    expand_options o;
    o.pool = &pool_;
    return o;
  }
  void let_go() { go_.set_value(); }

 private:
  std::promise<void> go_;
  blocking_pool pool_{1};
};

// A call that hears all types of cancellation. `outcome` is empty until it has ended.
template <class Stream>
void begin(asio::io_context& context, const volume& v, Stream& from, const expand_options& options,
           asio::cancellation_signal& signal, std::optional<error>& outcome) {
  spawn(context, signal,
        [fs = file_system(context, v), &from, options, &outcome]() -> asio::awaitable<void> {
          co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
          co_await asio::this_coro::throw_if_cancelled(false);
          const auto done = co_await expand_arriving(fs, from, "/to", options);
          outcome = done ? error(std::error_code()) : done.error();
        });
}

// All bytes at once, with the end, as a stream may give them. It says so once.
class ending_stream {
 public:
  explicit ending_stream(std::string bytes, asio_error_code with)
      : bytes_(std::move(bytes)), with_(with) {}

  std::size_t read_some(asio::mutable_buffer to, asio_error_code& ec) {
    const std::size_t n = std::min(bytes_.size(), to.size());
    std::memcpy(to.data(), bytes_.data(), n);
    bytes_.erase(0, n);
    if (bytes_.empty()) ec = std::exchange(with_, asio_error_code());
    return n;
  }
  template <class Token>
  auto async_read_some(asio::mutable_buffer to, Token&& token) {
    return asio::async_initiate<Token, void(asio_error_code, std::size_t)>(
        [this, to](auto handler) {
          asio_error_code ec;
          const std::size_t n = read_some(to, ec);
          const auto executor = asio::get_associated_executor(handler);
          asio::post(executor, [handler = std::move(handler), ec, n]() mutable {
            std::move(handler)(ec, n);
          });
        },
        token);
  }

 private:
  std::string bytes_;
  asio_error_code with_;
};

template <class Stream>
result<expand_summary> expand_from(way by, const volume& v, Stream& from) {
  return run_by<expand_summary>(by, v, {}, [&](auto& fs, const expand_options& o) {
    return expand_arriving(fs, from, "/to", o);
  });
}

}  // namespace

TEST_CASE("expand_arriving: cancelled when all has come, and the decoder has not ended",
          "[arriving]") {
  const cancellation_type type =
      GENERATE(cancellation_type::terminal, cancellation_type::partial, cancellation_type::total);
  stop_at_first_point stop;
  blocking_pool pool(1);
  const auto v = volume::create({.faults = &stop}).value();
  const figures before(v);
  expand_options o;
  o.pool = &pool;
  asio::io_context context;
  asio::cancellation_signal signal;
  const std::string tar = tar_of({{"a", std::string(100'000, 'x')}});
  awaited_text from(tar);
  std::optional<error> outcome;
  begin(context, v, from, o, signal, outcome);
  from.before_read = [&](std::size_t given) {
    // The read that finds the end.
    if (given == tar.size()) {
      asio::post(context, [&] {
        asio::post(context, [&] {
          signal.emit(type);
          stop.let_go();
        });
      });
    }
    return true;
  };
  context.run();
  REQUIRE(outcome);
  CHECK(*outcome == errc::canceled);
  CHECK(figures(v) == before);
}

TEST_CASE("expand_arriving: cancelled while it waits for a thread, it waits for none",
          "[arriving]") {
  const cancellation_type type =
      GENERATE(cancellation_type::terminal, cancellation_type::partial, cancellation_type::total);
  const bool ends = GENERATE(false, true);
  const auto v = volume::create().value();
  const figures before(v);
  asio::io_context context;
  busy_pool pool(context);
  asio::cancellation_signal signal;
  awaited_text from(tar_of({{"a", "1"}}), 100);
  from.before_read = [&](std::size_t given) { return ends || given < 500; };
  std::optional<error> outcome;
  begin(context, v, from, pool.options(), signal, outcome);
  context.poll();
  CHECK_FALSE(outcome);
  CHECK(v.stats().used_bytes >= std::size_t{128} * 1024);
  signal.emit(type);
  context.poll();
  pool.let_go();
  REQUIRE(outcome);
  CHECK(*outcome == errc::canceled);
  context.run();
  CHECK(figures(v) == before);
}

TEST_CASE("expand_arriving: each type of cancellation ends a read", "[arriving]") {
  const bool with_pool = GENERATE(false, true);
  const cancellation_type type =
      GENERATE(cancellation_type::terminal, cancellation_type::partial, cancellation_type::total);
  const auto v = volume::create().value();
  const figures before(v);
  blocking_pool pool;
  expand_options o;
  if (with_pool) o.pool = &pool;
  asio::io_context context;
  local_socket from(context), to(context);
  asio::local::connect_pair(from, to);
  asio::cancellation_signal signal;
  std::optional<error> outcome;
  begin(context, v, from, o, signal, outcome);
  context.poll();
  CHECK_FALSE(outcome);
  signal.emit(type);
  context.run();
  REQUIRE(outcome);
  CHECK(*outcome == errc::canceled);
  CHECK(figures(v) == before);
}

TEST_CASE("expand_arriving: garbage, on a context with many threads", "[arriving]") {
  constexpr int calls = 4, runs = 150;
  const auto v = volume::create().value();
  const figures before(v);
  blocking_pool pool(2);
  expand_options o;
  o.pool = &pool;
  std::atomic<int> refused{0};
  asio::thread_pool context(3);
  const file_system fs(context, v);
  // It writes as long as somebody reads: so the decoder fails in the middle of a read.
  const auto send = [](local_socket to) -> asio::awaitable<void> {
    asio_error_code ec;
    const std::string garbage = "???????";
    while (!ec) {
      co_await asio::async_write(to, asio::buffer(garbage),
                                 asio::redirect_error(asio::use_awaitable, ec));
    }
  };
  for (int i = 0; i < calls; ++i) {
    spawn(context, [&]() -> asio::awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      for (int n = 0; n < runs; ++n) {
        local_socket from(executor), to(executor);
        asio::local::connect_pair(from, to);
        asio::co_spawn(executor, send(std::move(to)), rethrow);
        const auto done = co_await expand_arriving(fs, from, "/to", o);
        if (!done && done.error() == errc::unsupported_archive) ++refused;
      }
    });
  }
  context.join();
  CHECK(refused == calls * runs);
  CHECK(figures(v) == before);
}

TEST_CASE("expand_arriving: no thread and no memory is taken where the quota has no room",
          "[arriving]") {
  const auto v = volume::create({.max_quota = 100'000}).value();
  const figures before(v);
  blocking_pool pool;
  expand_options o;
  o.pool = &pool;
  awaited_text from(tar_of({{"a", "1"}}));
  asio::io_context context;
  asio::cancellation_signal signal;
  std::optional<error> outcome;
  begin(context, v, from, o, signal, outcome);
  context.run();
  REQUIRE(outcome);
  CHECK(*outcome == errc::quota_exceeded);
  CHECK(from.given() == 0);
  CHECK(figures(v) == before);
}

TEST_CASE("expand_arriving: what a blocking stream throws passes through", "[arriving]") {
  struct throwing_stream {
    blocking_text from;
    std::size_t read_some(asio::mutable_buffer to, asio_error_code& ec) {
      if (from.given() >= 500) throw std::logic_error("from the stream");
      return from.read_some(to, ec);
    }
  };
  const auto v = volume::create().value();
  const figures before(v);
  sync::file_system fs(v);
  throwing_stream from{blocking_text(tar_of({{"a", "1"}}), 100)};
  CHECK_THROWS_AS(expand_arriving(fs, from, "/to"), std::logic_error);
  CHECK(figures(v) == before);
}

TEST_CASE("expand_arriving: bytes that come with the end, or with an error", "[arriving]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const std::string tar = tar_of({{"a", "1"}});
  ending_stream whole(tar, asio::error::eof);
  CHECK(expand_from(by, volume::create().value(), whole).value().files == 1);
  const auto v = volume::create().value();
  const figures before(v);
  ending_stream broken(tar, asio::error::connection_reset);
  const auto done = expand_from(by, v, broken);
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == std::error_code(asio_error_code(asio::error::connection_reset)));
  CHECK(figures(v) == before);
}

TEST_CASE("expand_arriving: a stream that goes on bringing nothing", "[arriving]") {
  const way by = GENERATE(way::thread, way::coroutine, way::pool);
  const auto v = volume::create().value();
  ending_stream nothing("", asio_error_code());
  const auto done = expand_from(by, v, nothing);
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == std::errc::io_error);
}

TEST_CASE("expand_arriving: a member of a zip that is left out is passed over in turns",
          "[arriving]") {
  // Deflated, it is decoded also where nobody wants it.
  const auto v = volume::create().value();
  sync::file_system fs(v);
  fs.create_directory("/in").value();
  fs.write_text("/in/a", std::string(1 << 20, 'x')).value();
  create_archive(fs, "/in", "/zip", archive_format::zip).value();
  blocking_text text(fs.read_text("/zip").value());
  detail::blocking_stream<blocking_text> bytes(text);
  detail::decoder_budget budget(v, {}, 8 << 20);
  auto from = detail::libarchive_stream::open(std::make_unique<detail::arriving_input>(bytes),
                                              archive_formats::common, budget)
                  .value();
  REQUIRE(from->next().value());
  CHECK(from->decodes_to_skip());
}

}  // namespace coramfs::tests
