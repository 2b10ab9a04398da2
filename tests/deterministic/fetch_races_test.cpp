// SPDX-License-Identifier: BSL-1.0
// The races of a fetch, each by itself: two things happen at the same time, in each order that a
// seed makes of them, and both ways in which that may end are seen.
#include <coramfs/fetch.hpp>
#include <coramfs/sync/file_system.hpp>

#include "deterministic/staged_context.hpp"

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "support/seeds.hpp"

#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace coramfs::tests {

namespace {

using asio::awaitable;
constexpr std::uint64_t seeds = 300;

/// A file that is fetched, whose producers write, wait at a gate, and write the rest.
class scene {
 public:
  explicit scene(std::uint64_t seed) : on_(seed) {}

  /// On the executor of the scene, or of another context.
  void begin(awaitable<void> body, staged_context* other = nullptr) {
    asio::co_spawn((other != nullptr ? *other : on_).executor(), std::move(body),
                   [](const std::exception_ptr& thrown) {
                     if (thrown) std::rethrow_exception(thrown);
                   });
  }
  void run() {
    while (!on_.is_idle()) on_.step();
  }
  awaitable<void> fetch(std::optional<follower>& to, fetch_options o = {}) {
    auto got = co_await fs_.fetch(
        "/f", [this](file out) { return produce(std::move(out)); }, o);
    failed = error_of(got);
    if (got) to = std::move(got).value();
  }
  awaitable<void> leave(std::optional<follower>& who) {
    co_await asio::post(asio::use_awaitable);
    who.reset();
  }
  void open_gate() { gate_.close().value(); }
  awaitable<void> open_gate_later() {
    co_await asio::post(asio::use_awaitable);
    open_gate();
  }
  std::string read_to_end(follower& f) {
    std::string all;
    begin(read(f, all));
    run();
    return all;
  }
  staged_context& context() noexcept { return on_; }
  volume_stats stats() { return volume_.stats(); }
  bool exists() { return threads_.exists("/f").value(); }

  int begun = 0, canceled = 0, finished = 0;
  error failed{std::error_code()};

 private:
  awaitable<result<void>> produce(file to) {
    ++begun;
    const auto first = co_await to.write(asio::buffer("begun and ", 10));
    first.value();
    const auto passed = co_await fs_.open("/gate", open_mode::read);
    if (!passed) {
      ++canceled;
      co_return passed.error();
    }
    const auto rest = co_await to.write(asio::buffer("ended", 5));
    rest.value();
    ++finished;
    co_return boost::outcome_v2::success();
  }
  awaitable<void> read(follower& f, std::string& all) {
    for (;;) {
      const auto piece = co_await f.next();
      failed = error_of(piece);
      if (!piece || piece.value().size() == 0) co_return;
      std::string text(piece.value().size(), '\0');
      asio::buffer_copy(asio::buffer(text), piece.value());
      all += text;
    }
  }

  staged_context on_;
  volume volume_ = volume::create(on_.options({})).value();
  sync::file_system threads_{volume_};
  file_system fs_{on_.executor(), volume_};
  sync::file gate_ = threads_.open("/gate", open_mode::create).value();
};

fetch_options lingering() {
  fetch_options o;
  o.linger = std::chrono::milliseconds(1);
  return o;
}

}  // namespace

TEST_CASE("fetch races: one comes as the last one leaves", "[deterministic][fetch]") {
  int joined = 0, anew = 0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    CAPTURE(seed);
    scene t(seed);
    std::optional<follower> a, b;
    t.begin(t.fetch(a));
    t.run();
    t.begin(t.leave(a));
    t.begin(t.fetch(b));
    t.run();
    REQUIRE(b);
    REQUIRE(b->committed() == 10);
    REQUIRE(t.canceled == t.begun - 1);
    ++(t.begun == 1 ? joined : anew);
    t.open_gate();
    REQUIRE(t.read_to_end(*b) == "begun and ended");
    REQUIRE(t.finished == 1);
  }
  CHECK(joined > 0);
  CHECK(anew > 0);
}

TEST_CASE("fetch races: one comes as the time without followers is over",
          "[deterministic][fetch]") {
  int joined = 0, anew = 0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    CAPTURE(seed);
    scene t(seed);
    std::optional<follower> a, b;
    t.begin(t.fetch(a, lingering()));
    t.run();
    a.reset();
    t.run();
    t.context().advance(std::chrono::microseconds(999));
    t.run();
    REQUIRE(t.canceled == 0);
    t.context().advance(std::chrono::microseconds(1));
    t.begin(t.fetch(b, lingering()));
    t.run();
    REQUIRE(b);
    REQUIRE(t.canceled == t.begun - 1);
    ++(t.begun == 1 ? joined : anew);
    t.open_gate();
    REQUIRE(t.read_to_end(*b) == "begun and ended");
  }
  CHECK(joined > 0);
  CHECK(anew > 0);
}

TEST_CASE("fetch races: one who comes and goes begins the time without followers anew",
          "[deterministic][fetch]") {
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    CAPTURE(seed);
    scene t(seed);
    std::optional<follower> a, b;
    t.begin(t.fetch(a, lingering()));
    t.run();
    a.reset();
    t.run();
    t.context().advance(std::chrono::microseconds(900));
    t.begin(t.fetch(b));
    t.run();
    b.reset();
    t.run();
    t.context().advance(std::chrono::microseconds(900));
    t.run();
    REQUIRE(t.canceled == 0);
    REQUIRE(t.exists());
    t.context().advance(std::chrono::microseconds(100));
    t.run();
    REQUIRE(t.canceled == 1);
    REQUIRE(!t.exists());
  }
}

TEST_CASE("fetch races: so does one who comes and goes before the producer's strand has noticed",
          "[deterministic][fetch]") {
  int joined = 0;
  // How many steps the strand has done since the time was over.
  for (int steps = 0; steps < 8; ++steps) {
    CAPTURE(steps);
    scene t(1);
    staged_context there(1);
    const auto run_there = [&] {
      while (!there.is_idle() || !t.context().is_idle()) {
        if (!there.is_idle()) there.step();
        t.run();
      }
    };
    std::optional<follower> a, b;
    fetch_options o = lingering();
    o.on = there.executor();
    t.begin(t.fetch(a, o));
    run_there();
    REQUIRE(a);
    a.reset();
    run_there();
    there.advance(std::chrono::milliseconds(1));
    for (int i = 0; i < steps && !there.is_idle(); ++i) there.step();
    if (!t.exists()) break;
    ++joined;
    t.begin(t.fetch(b, o));
    t.run();
    REQUIRE(b);
    REQUIRE(t.begun == 1);
    b.reset();
    run_there();
    REQUIRE(t.canceled == 0);
    REQUIRE(t.exists());
    there.advance(std::chrono::microseconds(999));
    run_there();
    REQUIRE(t.canceled == 0);
    there.advance(std::chrono::microseconds(1));
    run_there();
    REQUIRE(t.canceled == 1);
    REQUIRE(!t.exists());
  }
  CHECK(joined > 1);
}

TEST_CASE("fetch races: one comes as the producer is cancelled", "[deterministic][fetch]") {
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    CAPTURE(seed);
    scene t(seed);
    std::optional<follower> a, b;
    t.begin(t.fetch(a));
    t.run();
    a.reset();
    // Until the file is out of the tree, and its producer has not ended yet.
    while (t.exists()) t.context().step();
    t.begin(t.fetch(b));
    t.run();
    REQUIRE(t.begun == 2);
    REQUIRE(t.canceled == 1);
    REQUIRE(b);
    t.open_gate();
    REQUIRE(t.read_to_end(*b) == "begun and ended");
  }
}

TEST_CASE("fetch races: the producer finishes as the last one leaves", "[deterministic][fetch]") {
  int whole = 0, stopped = 0;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    CAPTURE(seed);
    scene t(seed);
    std::optional<follower> a, b;
    t.begin(t.fetch(a));
    t.run();
    t.begin(t.leave(a));
    t.begin(t.open_gate_later());
    t.run();
    REQUIRE(t.stats().open_handles == 0);
    ++(t.exists() ? whole : stopped);
    if (t.exists()) REQUIRE(t.finished == 1);
    t.begin(t.fetch(b));
    t.run();
    REQUIRE(t.read_to_end(*b) == "begun and ended");
    REQUIRE(!t.failed.code());
  }
  CHECK(whole > 0);
  CHECK(stopped > 0);
}

TEST_CASE("fetch races: the producer's context dies as one comes", "[deterministic][fetch]") {
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    CAPTURE(seed);
    scene t(seed);
    auto doomed = std::make_unique<staged_context>(~seed);
    fetch_options there;
    there.on = doomed->executor();
    std::optional<follower> a, b;
    t.begin(t.fetch(a, there));
    t.run();
    for (std::uint64_t i = 0; i < seed % 10 && !doomed->is_idle(); ++i) {
      doomed->step();
      t.run();
    }
    there.on = {};
    t.begin(t.fetch(b));
    if (seed % 2 == 0) t.run();
    doomed.reset();
    t.run();
    if (a) {
      REQUIRE(a->state() == follow_state::abandoned);
      const std::string all = t.read_to_end(*a);
      REQUIRE(std::string("begun and ").compare(0, all.size(), all) == 0);
      REQUIRE(t.failed == errc::abandoned);
    }
    a.reset();
    b.reset();
    t.run();
    REQUIRE(t.stats().open_handles == 1);
    std::optional<follower> c;
    t.begin(t.fetch(c));
    t.run();
    t.open_gate();
    REQUIRE(t.read_to_end(*c) == "begun and ended");
  }
}

}  // namespace coramfs::tests
