// SPDX-License-Identifier: BSL-1.0
#include <coramfs/testing.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using namespace std::chrono_literals;
using asio::awaitable;
using testing::schedule;
using testing::simulation;
using testing::timer;

/// Tells each end of a wait.
struct log {
  std::string text = {};
  auto handler(std::string name) {
    return [this, name](const asio_error_code& ec) {
      text += name + (ec == asio::error::operation_aborted ? "- " : ec ? "? " : "+ ");
    };
  }
};

/// Code that is made for any timer: what `asio::steady_timer` and `testing::timer` have in common.
template <class Timer>
awaitable<std::string> heartbeat(int beats) {
  Timer t(co_await asio::this_coro::executor);
  std::string heard;
  auto next = Timer::clock_type::now();
  for (int i = 0; i < beats; ++i) {
    next += 1ms;
    t.expires_at(next);
    co_await t.async_wait(asio::use_awaitable);
    heard += Timer::clock_type::now() >= next ? '+' : '-';
  }
  co_return heard;
}

}  // namespace

TEST_CASE("timer: time jumps from one to the next", "[testing][timer]") {
  simulation sim(schedule::uniform(GENERATE(range<std::uint64_t>(0, 10))));
  const auto begin = sim.now();
  std::string order;
  const auto sleeps = [&](std::chrono::hours length) -> awaitable<void> {
    timer t(co_await asio::this_coro::executor, length);
    co_await t.async_wait(asio::use_awaitable);
    CHECK(sim.now() == begin + length);
    order += std::to_string(length.count()) + ' ';
  };
  for (const int length : {30, 10, 20}) sim.spawn(sleeps(std::chrono::hours(length)));
  CHECK(sim.run());
  CHECK(order == "10 20 30 ");
}

TEST_CASE("timer: those of one time are ready in the order of their waits", "[testing][timer]") {
  simulation sim(schedule::fifo());
  log l;
  timer a(sim), b(sim);
  a.expires_after(1s);
  b.expires_after(1s);
  b.async_wait(l.handler("1"));
  a.async_wait(l.handler("2"));
  b.async_wait(l.handler("3"));
  CHECK(sim.run());
  CHECK(l.text == "1+ 2+ 3+ ");
}

TEST_CASE("timer: one that has expired completes at once, and not in the call",
          "[testing][timer]") {
  simulation sim;
  log l;
  timer t(sim);
  CHECK(t.expiry() == sim.now());
  t.async_wait(l.handler("a"));
  CHECK(l.text.empty());
  CHECK(!sim.is_idle());
  CHECK(t.cancel() == 0);
  const auto begin = sim.now();
  CHECK(sim.run());
  CHECK(l.text == "a+ ");
  CHECK(sim.now() == begin);
}

TEST_CASE("timer: another time cancels what waits, and so do cancel and the destructor",
          "[testing][timer]") {
  simulation sim(schedule::fifo());
  log l;
  auto t = std::make_optional<timer>(sim.get_executor(), 1h);
  for (const char* name : {"a", "b", "c"}) t->async_wait(l.handler(name));
  CHECK(t->cancel_one() == 1);
  CHECK(sim.step());
  CHECK(l.text == "a- ");
  CHECK(t->expires_after(2h) == 2);
  t->async_wait(l.handler("d"));
  CHECK(t->cancel() == 1);
  CHECK(t->cancel() == 0);
  t->async_wait(l.handler("e"));
  t.reset();
  const auto begin = sim.now();
  CHECK(sim.run());
  CHECK(l.text == "a- b- c- d- e- ");
  CHECK(sim.now() == begin);
}

TEST_CASE("timer: a cancellation slot ends one wait", "[testing][timer]") {
  simulation sim(schedule::fifo());
  log l;
  asio::cancellation_signal signal;
  timer t(sim.get_executor(), 1h);
  CHECK(sim.is_idle());
  t.async_wait(asio::bind_cancellation_slot(signal.slot(), l.handler("a")));
  t.async_wait(l.handler("b"));
  signal.emit(asio::cancellation_type::terminal);
  CHECK(sim.step());
  CHECK(l.text == "a- ");
  signal.emit(asio::cancellation_type::terminal);
  CHECK(sim.run());
  CHECK(l.text == "a- b+ ");
}

TEST_CASE("timer: its waits move with it", "[testing][timer]") {
  simulation sim(schedule::fifo());
  log l;
  timer from(sim.get_executor(), 1h);
  from.async_wait(l.handler("a"));
  timer to(std::move(from));
  CHECK(from.cancel() == 0);
  CHECK(from.expiry() == sim.now());
  from.expires_after(1h);
  from.async_wait(l.handler("b"));
  CHECK(to.cancel() == 1);
  timer other(sim.get_executor(), 2h);
  other.async_wait(l.handler("c"));
  other = std::move(to);
  CHECK(sim.run());
  CHECK(l.text == "a- c- b+ ");
}

TEST_CASE("timer: one that never expires keeps nothing going, and is reported",
          "[testing][timer]") {
  simulation sim;
  log l;
  timer t(sim);
  t.expires_after(timer::duration::max());
  CHECK(t.expiry() == timer::time_point::max());
  t.async_wait(l.handler("a"));
  CHECK(sim.run().is_stuck);
  t.cancel();
  CHECK(sim.run());
  CHECK(l.text == "a- ");
}

TEST_CASE("timer: a pending handler ends with the simulation, uncalled", "[testing][timer]") {
  const auto alive = std::make_shared<int>(0);
  auto sim = std::make_unique<simulation>();
  // It goes with the handler, which it waits for itself, so it is there until the simulation ends.
  auto t = std::make_shared<timer>(*sim, 1h);
  t->async_wait([alive, t](const asio_error_code&) { FAIL("called"); });
  const std::weak_ptr<timer> there = t;
  t.reset();
  CHECK(!there.expired());
  CHECK(alive.use_count() == 2);
  sim.reset();
  CHECK(there.expired());
  CHECK(alive.use_count() == 1);
}

TEST_CASE("timer: the slot of a wait that is over already is empty", "[testing][timer]") {
  asio::cancellation_signal signal;
  log l;
  {
    simulation sim;
    timer t(sim);
    t.async_wait(asio::bind_cancellation_slot(signal.slot(), l.handler("a")));
    CHECK(!signal.slot().has_handler());
    signal.emit(asio::cancellation_type::terminal);
    CHECK(sim.run());
  }
  CHECK(l.text == "a+ ");
  signal.emit(asio::cancellation_type::terminal);
}

TEST_CASE("timer: many that never expire are cancelled in the time that as many take",
          "[testing][timer]") {
  simulation sim(schedule::fifo());
  std::vector<timer> all;
  int ended = 0;
  for (int i = 0; i < 20'000; ++i) {
    all.emplace_back(sim, timer::time_point::max());
    all.back().async_wait([&](const asio_error_code&) { ++ended; });
  }
  while (!all.empty()) all.pop_back();
  CHECK(sim.run());
  CHECK(ended == 20'000);
}

TEST_CASE("timer: it works on a strand over a simulation, and nowhere else", "[testing][timer]") {
  simulation sim;
  const auto strand = asio::make_strand(sim.get_executor());
  timer t(strand, 1h);
  bool was_on_strand = false;
  t.async_wait([&](const asio_error_code&) { was_on_strand = strand.running_in_this_thread(); });
  CHECK(sim.run());
  CHECK(was_on_strand);
  asio::io_context other;
  CHECK_THROWS_AS(timer(other.get_executor()), std::logic_error);
}

TEST_CASE("timer: code that has the type as a parameter is the same for both", "[testing][timer]") {
  simulation sim;
  CHECK(sim.run(heartbeat<timer>(5)) == "+++++");
  asio::io_context real;
  std::string heard;
  asio::co_spawn(real, heartbeat<asio::steady_timer>(5),
                 [&](std::exception_ptr, std::string all) { heard = all; });
  real.run();
  CHECK(heard == "+++++");
}

}  // namespace coramfs::tests
