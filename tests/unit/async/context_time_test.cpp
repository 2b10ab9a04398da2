// SPDX-License-Identifier: BSL-1.0
// Contexts that have a time of their own, which here nobody but the test moves.
#include <coramfs/detail/context_time.hpp>

#include <coramfs/file_system.hpp>
#include <coramfs/rw_lock.hpp>

#include "api/coroutines.hpp"

#include <asio/bind_executor.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using namespace std::chrono_literals;
using time_point = std::chrono::steady_clock::time_point;

class own_time final : public detail::context_time {
 public:
  own_time() { set(context, *this); }

  time_point now() const noexcept override { return now_; }
  std::unique_ptr<detail::context_timer> make_timer() override {
    return std::make_unique<timer>(*this);
  }

  void wait_begins(const void* waiter, const detail::wait_reason& why) noexcept override {
    reasons.emplace(waiter, why);
  }
  void wait_ends(const void* waiter) noexcept override { reasons.erase(waiter); }
  bool gives_turns() const noexcept override { return false; }

  std::map<const void*, detail::wait_reason> reasons;  ///< of those who wait

  /// Lets time pass, and runs the context until nothing is ready.
  void advance(std::chrono::steady_clock::duration by) {
    now_ += by;
    for (timer* t : timers_)
      if (t->then && t->when <= now_) t->end(true);
    context.restart();
    context.poll();
  }

 private:
  struct timer final : detail::context_timer {
    explicit timer(own_time& by) : of(by) { of.timers_.insert(this); }
    ~timer() override {
      cancel();
      of.timers_.erase(this);
    }
    void wait(time_point at, std::function<void(bool)> handler) override {
      cancel();
      when = at;
      then = std::move(handler);
    }
    void cancel() noexcept override {
      if (then) end(false);
    }
    void end(bool has_come) {
      asio::post(of.context, [h = std::exchange(then, {}), has_come] { h(has_come); });
    }

    own_time& of;
    time_point when;
    std::function<void(bool)> then;
  };

  time_point now_{1h};
  std::set<timer*> timers_;

 public:
  asio::io_context context;  // it ends first
};

/// A context with its time, in which one coroutine waits after the other for a file.
struct fixture {
  own_time time;
  asio::io_context& context = time.context;
  file_system fs{context.get_executor(), volume::create().value()};
  std::vector<std::pair<int, std::error_code>> ended;

  void open(int number, lock_timeout patience) {
    spawn(context, [this, number, patience]() -> asio::awaitable<void> {
      const auto f = co_await fs.open("/f", open_mode::update, {.timeout = patience});
      ended.emplace_back(number, f ? std::error_code() : f.error().code());
    });
  }
};

}  // namespace

TEST_CASE("context time: deadlines pass by it alone, in their order", "[async][time]") {
  fixture f;
  std::optional<file> held;
  spawn(f.context, [&]() -> asio::awaitable<void> {
    auto opened = co_await f.fs.open("/f", open_mode::create);
    held = std::move(opened).value();
  });
  f.open(1, 3h);
  f.open(2, 2h);
  f.open(3, lock_timeout::forever());
  f.time.advance(0s);
  CHECK(f.fs.get_volume().stats().waiting == 3);
  f.time.advance(2h - 1ns);
  CHECK(f.ended.empty());
  f.time.advance(1ns);
  REQUIRE(f.ended.size() == 1);
  CHECK(f.ended[0] == std::pair(2, make_error_code(errc::timed_out)));
  f.time.advance(1h);
  REQUIRE(f.ended.size() == 2);
  CHECK(f.ended[1] == std::pair(1, make_error_code(errc::timed_out)));
  held.reset();
  f.time.advance(0s);
  REQUIRE(f.ended.size() == 3);
  CHECK(f.ended[2] == std::pair(3, std::error_code()));
}

TEST_CASE("context time: waits by completion handlers pass by it, too", "[async][time]") {
  own_time time;
  rw_lock lock;
  REQUIRE(lock.try_lock());
  std::optional<std::error_code> ended;
  lock.acquire(2h, asio::bind_executor(time.context.get_executor(),
                                       [&](auto held) { ended = held.error().code(); }));
  time.advance(2h - 1ns);
  CHECK(!ended);
  time.advance(1ns);
  REQUIRE(ended);
  CHECK(*ended == errc::timed_out);
  lock.unlock();
}

TEST_CASE("context time: it is told who waits for what, and until when", "[async][time]") {
  fixture f;
  std::optional<file> held;
  spawn(f.context, [&]() -> asio::awaitable<void> {
    auto opened = co_await f.fs.open("/f", open_mode::create, {.label = "holder"});
    held = std::move(opened).value();
  });
  f.open(1, 1h);
  f.open(2, lock_timeout::forever());
  f.time.advance(0s);
  REQUIRE(f.time.reasons.size() == 2);
  for (const auto& reason : f.time.reasons) {
    const error_details d = reason.second.unmet().details();
    CHECK(d.operation == "open");
    CHECK(d.path == "/f");
    REQUIRE(d.holders.size() == 1);
    CHECK(d.holders[0].label == "holder");
    CHECK(d.waiting == 1);
  }
  f.time.advance(1h);
  CHECK(f.time.reasons.size() == 1);
  held.reset();
  f.time.advance(0s);
  CHECK(f.time.reasons.empty());
}

TEST_CASE("context time: it is told of those who wait for space, and for a lock inside",
          "[async][time]") {
  own_time time;
  volume_options options;
  options.max_quota = 10;
  options.accounting = accounting::payload;
  const volume v = volume::create(options).value();
  file_system fs(time.context.get_executor(), v);
  std::optional<file> held;
  spawn(time.context, [&]() -> asio::awaitable<void> {
    auto opened = co_await fs.open("/f", open_mode::create);
    held = std::move(opened).value();
    const auto written = co_await held->write(buffer_of("0123456789"));
    CHECK(written);
  });
  spawn(time.context, [&]() -> asio::awaitable<void> {
    const open_options waits{.on_full = when_full::wait};
    auto f = co_await fs.open("/g", open_mode::create, waits);
    const auto written = co_await f.value().write(buffer_of("abc"));
    CHECK(written.error() == errc::timed_out);
  });
  time.advance(0s);
  REQUIRE(time.reasons.size() == 1);
  const error room = time.reasons.begin()->second.unmet();
  CHECK(room == errc::quota_exceeded);
  CHECK(room.requested() == 3);
  CHECK(room.available() == 0);
  CHECK(room.details().operation == "write");
  CHECK(room.details().path == "/g");
  spawn(time.context, [&]() -> asio::awaitable<void> {
    const auto copied = co_await fs.copy("/f", "/h");
    CHECK(copied.error() == errc::timed_out);
  });
  time.advance(0s);
  REQUIRE(time.reasons.size() == 2);
  bool is_told = false;
  for (const auto& reason : time.reasons)
    is_told = is_told || reason.second.unmet().details().operation == "copy";
  CHECK(is_told);
  time.advance(1min);
  CHECK(time.reasons.empty());
}

TEST_CASE("context time: who dies with the context leaves the queue", "[async][time]") {
  const volume v = volume::create().value();
  std::optional<file> held;
  asio::io_context others;
  file_system fs(others.get_executor(), v);
  spawn(others, [&]() -> asio::awaitable<void> {
    auto opened = co_await fs.open("/f", open_mode::create);
    held = std::move(opened).value();
  });
  others.run();
  {
    own_time time;
    file_system there(time.context.get_executor(), v);
    spawn(time.context, [&]() -> asio::awaitable<void> {
      co_await there.open("/f", open_mode::update, {.timeout = 1h});
    });
    time.advance(0s);
    REQUIRE(v.stats().waiting == 1);
  }
  CHECK(v.stats().waiting == 0);
}

}  // namespace coramfs::tests
