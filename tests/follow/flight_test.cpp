// SPDX-License-Identifier: BSL-1.0
// The producers of files that are fetched, as coroutines that are nobody's children.
#include <coramfs/default_token.hpp>
#include <coramfs/fetch.hpp>
#include <coramfs/sync/file_system.hpp>

#include "follow/facades.hpp"
#include "follow/producers.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace coramfs::tests {

namespace {

using asio::awaitable;

/// A producer that writes what it has, then waits until it is told to go on or is cancelled, and
/// ends with success.
struct waiting_producer {
  explicit waiting_producer(asio::io_context& on)
      : gate(std::make_shared<asio::steady_timer>(on, asio::steady_timer::time_point::max())) {}

  std::shared_ptr<asio::steady_timer> gate;
  std::string text = {};
  std::shared_ptr<int> begun = std::make_shared<int>(0);
  std::shared_ptr<int> ended = std::make_shared<int>(0);
  std::shared_ptr<int> canceled = std::make_shared<int>(0);

  void go_on() const { gate->cancel(); }
  auto producer() const {
    return [p = *this](file to) { return p.produce(p, std::move(to)); };
  }

 private:
  static awaitable<result<void>> produce(waiting_producer p, file to) {
    ++*p.begun;
    if (!p.text.empty()) {
      const auto done = co_await to.write(asio::buffer(p.text));
      done.value();
    }
    co_await asio::this_coro::throw_if_cancelled(false);
    try {
      co_await p.gate->async_wait(asio::use_awaitable);
    } catch (const asio_system_error&) {
    }
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      ++*p.canceled;
      co_return errc::canceled;
    }
    const auto done = co_await to.write(asio::buffer("end", 3));
    ++*p.ended;
    if (!done) co_return done.error();
    co_return boost::outcome_v2::success();
  }
};

/// A volume, and a context whose handlers run where the test says so.
struct fixture {
  volume v = volume::create().value();
  sync::file_system threads{v};
  asio::io_context context{1};
  file_system fs{context.get_executor(), v};
  waiting_producer p{context};

  std::optional<result<follower>> fetch(const fetch_options& o = {}) {
    std::optional<result<follower>> got;
    fs.fetch("/f", p.producer(), o, [&](result<follower> r) { got = std::move(r); });
    run();
    return got;
  }
  void run() {
    context.restart();
    while (context.poll() > 0) {
    }
  }
};

}  // namespace

TEST_CASE("flight: the producer does not begin inside the call", "[fetch][flight]") {
  fixture t;
  bool is_called = false;
  t.fs.fetch("/f", t.p.producer(), [&](const result<follower>&) { is_called = true; });
  CHECK(*t.p.begun == 0);
  CHECK(t.threads.exists("/f").value());
  t.run();
  CHECK(*t.p.begun == 1);
  // It waits for the first byte.
  CHECK(!is_called);
  CHECK(t.threads.stats().value().waiting == 1);
  t.p.go_on();
  t.run();
  CHECK(is_called);
}

TEST_CASE("flight: nor does it begin inside a call that a coroutine awaits", "[fetch][flight]") {
  fixture t;
  int begun_at_once = -1;
  const auto fetch = [&]() -> awaitable<void> {
    fetch_options o;
    o.follow.patience = lock_timeout::immediate();
    const auto f = co_await t.fs.fetch("/f", t.p.producer(), o);
    begun_at_once = *t.p.begun;
    CHECK(f.value().state() == follow_state::growing);
  };
  asio::co_spawn(t.context, fetch(), [](const std::exception_ptr&) {});
  t.run();
  CHECK(begun_at_once == 0);
}

TEST_CASE("flight: no cancellation of the first caller's reaches the producer", "[fetch][flight]") {
  fixture t;
  const bool is_coroutine = GENERATE(false, true);
  asio::cancellation_signal signal;
  std::optional<error> first, second;
  const auto end_with = [](std::optional<error>& to) {
    return [&to](const result<follower>& r) { to = error_of(r); };
  };
  if (is_coroutine) {
    const auto fetch = [](fixture& in, std::optional<error>& to) -> awaitable<void> {
      const auto f = co_await in.fs.fetch("/f", in.p.producer());
      to = error_of(f);
    };
    asio::co_spawn(t.context, fetch(t, first),
                   asio::bind_cancellation_slot(signal.slot(), [](const std::exception_ptr&) {}));
  } else {
    t.fs.fetch("/f", t.p.producer(), asio::bind_cancellation_slot(signal.slot(), end_with(first)));
  }
  t.fs.fetch("/f", t.p.producer(), end_with(second));
  t.run();
  signal.emit(asio::cancellation_type::terminal);
  t.run();
  CHECK(first == errc::canceled);
  CHECK(!second);
  CHECK(*t.p.canceled == 0);
  t.p.go_on();
  t.run();
  CHECK(second.value().code().value() == 0);
  CHECK(*t.p.begun == 1);
  CHECK(*t.p.ended == 1);
  CHECK(t.threads.read_text("/f").value() == "end");
}

TEST_CASE("flight: without followers it is stopped, and who comes then begins anew",
          "[fetch][flight]") {
  fixture t;
  t.p.text = "begun";
  auto first = t.fetch();
  REQUIRE(first.value());
  first.reset();
  CHECK(t.threads.exists("/f").value());
  t.run();
  CHECK(*t.p.canceled == 1);
  CHECK(!t.threads.exists("/f").value());
  const volume_stats s = t.threads.stats().value();
  CHECK(s.used_bytes == volume::create().value().stats().used_bytes);
  CHECK(s.open_handles == 0);
  auto second = t.fetch();
  CHECK(*t.p.begun == 2);
  CHECK(second.value().value().committed() == 5);
}

TEST_CASE("flight: one who follows by another call keeps it flying", "[fetch][flight]") {
  fixture t;
  t.p.text = "begun";
  auto first = t.fetch();
  auto other = t.threads.follow("/f").value();
  first.reset();
  t.run();
  CHECK(*t.p.canceled == 0);
  other = sync::follower();
  t.run();
  CHECK(*t.p.canceled == 1);
}

TEST_CASE("flight: without followers it goes on to its end, if that is wanted", "[fetch][flight]") {
  fixture t;
  fetch_options o;
  o.when_alone = fetch_options::alone::finish;
  t.p.text = "begun and ";
  t.fetch(o).reset();
  t.run();
  CHECK(*t.p.canceled == 0);
  t.p.go_on();
  t.run();
  CHECK(t.threads.read_text("/f").value() == "begun and end");
}

TEST_CASE(
    "flight: a time without followers of less than nothing is none, and the longest never ends",
    "[fetch][flight]") {
  fixture t;
  fetch_options o;
  t.p.text = "begun";
  const bool is_long = GENERATE(false, true);
  o.linger = is_long ? std::chrono::milliseconds::max() : std::chrono::milliseconds::min();
  auto first = t.fetch(o);
  REQUIRE(first.value());
  first.reset();
  t.run();
  CHECK(*t.p.canceled == (is_long ? 0 : 1));
  CHECK(t.threads.exists("/f").value() == is_long);
}

TEST_CASE("flight: a producer that follows its own file is not stopped until it leaves",
          "[fetch][flight]") {
  fixture t;
  t.p.text = "begun";
  std::optional<sync::follower> own;
  std::optional<result<follower>> got;
  t.fs.fetch(
      "/f",
      [&, make = t.p.producer()](file to) {
        own = t.threads.follow("/f").value();
        return make(std::move(to));
      },
      [&](result<follower> r) { got = std::move(r); });
  t.run();
  REQUIRE(got);
  got.reset();
  t.run();
  CHECK(*t.p.canceled == 0);
  own.reset();
  t.run();
  CHECK(*t.p.canceled == 1);
}

TEST_CASE("flight: one that is stopped before it has begun does not begin", "[fetch][flight]") {
  fixture t;
  // It begins on a context that does not run yet.
  asio::io_context late;
  fetch_options o;
  o.on = late.get_executor();
  asio::cancellation_signal signal;
  std::optional<error> first;
  t.fs.fetch("/f", t.p.producer(), o,
             asio::bind_cancellation_slot(signal.slot(),
                                          [&](const result<follower>& r) { first = error_of(r); }));
  t.run();
  signal.emit(asio::cancellation_type::all);
  t.run();
  CHECK(first == errc::canceled);
  late.run();
  CHECK(*t.p.begun == 0);
  CHECK(*t.p.ended == 0);
  CHECK(!t.threads.exists("/f").value());
  CHECK(t.threads.stats().value().open_handles == 0);
}

TEST_CASE("flight: one whose context dies has abandoned its file", "[fetch][flight][context]") {
  fixture t;
  t.p.text = GENERATE("", "a part");
  std::optional<asio::io_context> doomed(std::in_place);
  waiting_producer there(*doomed);
  there.text = t.p.text;
  fetch_options o;
  o.on = doomed->get_executor();
  std::optional<result<follower>> got;
  t.fs.fetch("/f", there.producer(), o, [&](result<follower> r) { got = std::move(r); });
  const bool has_begun = GENERATE(true, false);
  if (has_begun) doomed->poll();
  t.run();
  there.gate.reset();
  doomed.reset();
  t.run();
  REQUIRE(got);
  CHECK(!t.threads.exists("/f").value());
  if (there.text.empty() || !has_begun) {
    CHECK(error_of(*got) == errc::abandoned);
  } else {
    CHECK(got->value().state() == follow_state::abandoned);
    CHECK(got->value().committed() == 6);
  }
}

TEST_CASE("flight: a file that was moved elsewhere ends for itself, whatever is returned",
          "[fetch][flight]") {
  fixture t;
  std::optional<file> elsewhere;
  std::optional<result<follower>> got;
  t.fs.fetch(
      "/f",
      [&](file to) -> awaitable<result<void>> {
        const auto done = co_await to.write(asio::buffer("abc", 3));
        done.value();
        elsewhere = std::move(to);
        co_return errc::corrupt_archive;
      },
      [&](result<follower> r) { got = std::move(r); });
  t.run();
  follower f = std::move(*got).value();
  CHECK(f.state() == follow_state::growing);
  SECTION("finished") {
    elsewhere->finish().value();
    CHECK(f.state() == follow_state::complete);
  }
  SECTION("destroyed") {
    elsewhere.reset();
    CHECK(f.state() == follow_state::abandoned);
  }
  SECTION("and goes on where nobody follows it") {
    f = follower();
    t.run();
    CHECK(t.threads.exists("/f").value());
    elsewhere->finish().value();
    elsewhere.reset();
    CHECK(t.threads.read_text("/f").value() == "abc");
  }
}

namespace {

awaitable<result<void>> download(file out, bool fails) {
  const auto done = co_await out.write(asio::buffer("abc", 3));
  if (!done) co_return done.error();
  if (fails) co_return errc::corrupt_archive;
  co_return boost::outcome_v2::success();
}

awaitable<void> die_in_the_middle(file out) {
  const auto done = co_await out.write(asio::buffer("abc", 3));
  done.value();
  throw std::runtime_error("its own");
}

}  // namespace

TEST_CASE("flight: a producer hands its file on to what it calls, and its word ends the file",
          "[fetch][flight]") {
  fixture t;
  const bool fails = GENERATE(false, true);
  std::optional<result<follower>> got;
  t.fs.fetch(
      "/f",
      [=](file out) -> awaitable<result<void>> {
        co_return co_await download(std::move(out), fails);
      },
      [&](result<follower> r) { got = std::move(r); });
  t.run();
  CHECK(got->value().state() == (fails ? follow_state::abandoned : follow_state::complete));
  CHECK(t.threads.exists("/f").value() == !fails);
}

TEST_CASE("flight: a file that goes with an exception is no success, whoever catches that",
          "[fetch][flight]") {
  fixture t;
  std::optional<result<follower>> got;
  t.fs.fetch(
      "/f",
      [](file to) -> awaitable<result<void>> {
        try {
          co_await die_in_the_middle(std::move(to));
        } catch (const std::runtime_error&) {
        }
        co_return boost::outcome_v2::success();
      },
      [&](result<follower> r) { got = std::move(r); });
  t.run();
  CHECK(got->value().state() == follow_state::abandoned);
  CHECK(!t.threads.exists("/f").value());
}

TEST_CASE("flight: the call throws what its producer throws when it is moved", "[fetch][flight]") {
  /// One that is copied where others are moved, as what captures a constant string.
  struct copied {
    explicit copied(int most) : left(std::make_shared<int>(most)) {}
    copied(const copied& other) : left(other.left) {
      if (--*left < 0) throw std::bad_alloc();
    }
    copied& operator=(const copied&) = delete;
    ~copied() = default;
    std::shared_ptr<int> left;
  };
  for (int most = 0;; ++most) {
    fixture t;
    const copied counted(most);
    bool has_thrown = false;
    std::optional<error> ended;
    try {
      t.fs.fetch(
          "/f", [counted](file to) { return download(std::move(to), false); },
          [&](const result<follower>& r) { ended = error_of(r); });
    } catch (const std::bad_alloc&) {
      has_thrown = true;
    }
    t.run();
    CHECK(t.threads.exists("/f").value() == !has_thrown);
    if (has_thrown) continue;
    CHECK(ended.value().code().value() == 0);
    CHECK(most > 2);
    break;
  }
}

TEST_CASE("flight: without any executor there is no producer", "[fetch][flight]") {
  fixture t;
  const file_system nowhere(asio::any_io_executor(), t.v);
  std::optional<error> ended;
  const auto fetch = [&]() -> awaitable<void> {
    const auto f = co_await nowhere.fetch("/f", t.p.producer());
    ended = error_of(f);
    fetch_options there;
    there.on = t.context.get_executor();
    there.follow.patience = lock_timeout::immediate();
    const auto g = co_await nowhere.fetch("/g", t.p.producer(), there);
    CHECK(g.value().state() == follow_state::growing);
  };
  asio::co_spawn(t.context, fetch(), [](const std::exception_ptr& thrown) {
    if (thrown) std::rethrow_exception(thrown);
  });
  t.run();
  CHECK(ended == errc::invalid_argument);
  CHECK(!t.threads.exists("/f").value());
}

TEST_CASE("flight: the producer's file is on the executor of the producer", "[fetch][flight]") {
  fixture t;
  asio::io_context other;
  fetch_options o;
  o.on = other.get_executor();
  bool is_same = false, was_called = false;
  t.fs.fetch(
      "/f",
      [&](file to) -> awaitable<result<void>> {
        is_same = to.get_executor() == asio::any_io_executor(other.get_executor());
        to.announce(3, [&](const result<void>&) { was_called = true; });
        co_await asio::post(asio::use_awaitable);
        co_return boost::outcome_v2::success();
      },
      o, [](const result<follower>&) {});
  other.run();
  CHECK(is_same);
  CHECK(was_called);
}

TEST_CASE("flight: who is fetched waits for space, and has a name, if that is wanted",
          "[fetch][flight]") {
  const volume v = volume::create({.max_quota = 1 << 20}).value();
  sync::file_system threads(v);
  asio::io_context context;
  const file_system fs(context.get_executor(), v);
  threads.write_file("/other", std::string(700'000, 'o')).value();
  const bool waits = GENERATE(true, false);
  fetch_options o;
  o.label = "a fetch";
  o.timeout = lock_timeout::forever();
  if (waits) o.on_full = when_full::wait;
  std::optional<result<follower>> got;
  const std::string text(700'000, 't');
  fs.fetch(
      "/f",
      [&](file to) -> awaitable<result<void>> {
        const auto done = co_await to.write(asio::buffer(text));
        if (!done) co_return done.error();
        co_return boost::outcome_v2::success();
      },
      o, [&](result<follower> r) { got = std::move(r); });
  context.poll();
  if (waits) {
    REQUIRE(!got);
    const auto open = v.open_handles().value();
    CHECK(
        std::any_of(open.begin(), open.end(), [](const auto& h) { return h.label == "a fetch"; }));
    threads.remove("/other").value();
  }
  context.run();
  CHECK((waits ? error_of(*got).code().value() == 0 : error_of(*got) == errc::quota_exceeded));
}

TEST_CASE("flight: a thread follows what a coroutine produces", "[fetch][flight]") {
  fixture t;
  t.p.text = "begun";
  auto first = t.fetch();
  const auto second = t.threads.fetch("/f", [](sync::file&) -> result<void> { return errc::busy; });
  CHECK(second.value().committed() == 5);
  first.reset();
  t.run();
  CHECK(*t.p.canceled == 0);
}

TEST_CASE("flight: each token gets the same", "[fetch][flight]") {
  fixture t;
  const auto make = producer_of<by_coroutines>({.text = "abc"});
  using executor = asio::io_context::executor_type;
  using token = asio::use_awaitable_t<executor>;
  const auto by_default_token = [&]() -> awaitable<void, executor> {
    const auto here = token::as_default_on(t.fs);
    const auto f = co_await here.fetch("/default", make);
    CHECK(f.value().committed() == 3);
    const fetch_options o;
    const auto g = co_await here.fetch("/options", make, o);
    CHECK(g.value().committed() == 3);
  };
  const auto by_name = [&]() -> awaitable<void> {
    const auto f = co_await t.fs.fetch("/awaitable", make, asio::use_awaitable);
    CHECK(f.value().committed() == 3);
  };
  asio::co_spawn(t.context, by_default_token(), [](const std::exception_ptr&) {});
  asio::co_spawn(t.context, by_name(), [](const std::exception_ptr&) {});
  auto by_future = t.fs.fetch("/future", make, asio::use_future);
  t.context.run();
  CHECK(by_future.get().value().committed() == 3);
  CHECK(t.threads.stats().value().file_count == 4);
}

TEST_CASE("flight: an immediate patience does not wait for the first byte", "[fetch][flight]") {
  fixture t;
  fetch_options o;
  o.follow.patience = lock_timeout::immediate();
  const auto got = t.fetch(o);
  CHECK(got.value().value().committed() == 0);
  CHECK(got.value().value().state() == follow_state::growing);
}

TEST_CASE("flight: the producer goes with what it holds before its error is told",
          "[fetch][flight]") {
  fixture t;
  auto held = std::make_shared<int>(0);
  const std::weak_ptr<int> seen = held;
  bool was_gone = false;
  t.fs.fetch(
      "/f",
      [held = std::move(held)](file) -> awaitable<result<void>> {
        ++*held;
        co_return errc::corrupt_archive;
      },
      [&](const result<follower>&) { was_gone = seen.expired(); });
  t.run();
  CHECK(was_gone);
}

}  // namespace coramfs::tests
