// SPDX-License-Identifier: BSL-1.0
// Where a coroutine is asked: who shares an asking, who waits for its end, and how that may end.
#include <coramfs/reclaim_on.hpp>

#include "reclaim/asked.hpp"

#include "support/await_waiting.hpp"
#include "support/catch.hpp"

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/use_awaitable.hpp>

#include <exception>
#include <optional>
#include <stdexcept>
#include <thread>

namespace coramfs::tests {

namespace {

using asio::awaitable;

/// A full volume, whose callback is a coroutine that goes on when it is let.
class answering {
 public:
  asio::io_context context{1};
  std::vector<shortage> calls;
  std::function<awaitable<void>(file_system)> answer = [](file_system) -> awaitable<void> {
    co_return;
  };
  asio::steady_timer gate{context};
  volume over = make();
  sync::file_system threads{over};
  file_system fs{context.get_executor(), over};

  answering() {
    gate.expires_at(asio::steady_timer::time_point::max());
    fill(over, "/filler", 1000);
  }

  awaitable<void> closed() {
    try {
      co_await gate.async_wait(asio::use_awaitable);
    } catch (const std::exception&) {
    }
  }
  void open_gate() { gate.cancel(); }

  /// Begins to write a file of `n` bytes. `ended` has how that went.
  void begin(std::string path, std::size_t n, std::optional<error>& ended,
             const open_options& options = {}, asio::cancellation_signal* signal = nullptr) {
    auto body = [this, path = std::move(path), n, &ended, options]() -> awaitable<void> {
      open_options ahead = options;
      ahead.preallocate = n;
      const auto opened = co_await fs.open(path, open_mode::create, ahead);
      ended = error_of(opened);
    };
    if (signal == nullptr) return asio::co_spawn(context, std::move(body), rethrow);
    asio::co_spawn(context, std::move(body), asio::bind_cancellation_slot(signal->slot(), rethrow));
  }
  void run_ready() {
    context.restart();
    context.poll();
  }
  std::uint64_t available() {
    open_options at_once;
    at_once.timeout = lock_timeout::immediate();
    at_once.preallocate = 1000;
    return error_of(threads.open("/probe", open_mode::create, at_once)).available();
  }

 private:
  static void rethrow(std::exception_ptr thrown) {
    if (thrown) std::rethrow_exception(thrown);
  }
  volume make() {
    return volume::create(thousand(reclaim_on(context.get_executor(),
                                              [this](file_system there, shortage s) {
                                                calls.push_back(s);
                                                return answer(std::move(there));
                                              })))
        .value();
  }
};

}  // namespace

TEST_CASE("reclaim: a coroutine is asked once for all who are short until its turn comes",
          "[reclaim]") {
  answering v;
  v.answer = [](file_system fs) -> awaitable<void> { (co_await fs.remove("/filler")).value(); };
  std::optional<error> a, b, c;
  v.begin("/a", 300, a);
  v.begin("/b", 200, b);
  v.begin("/c", 500, c);
  v.run_ready();
  REQUIRE(v.calls.size() == 1);
  CHECK(v.calls[0].bytes == 1000);
  REQUIRE((a && b && c));
  CHECK(!a->code());
  CHECK(!b->code());
  CHECK(!c->code());
  CHECK(v.over.stats().waiting == 0);
}

TEST_CASE("reclaim: who is short later waits for the end, and asks then", "[reclaim]") {
  answering v;
  v.answer = [&](file_system fs) -> awaitable<void> {
    if (v.calls.size() == 1) {
      co_await v.closed();
      (co_await fs.write_file("/filler", content_of(700))).value();
    } else {
      (co_await fs.remove("/filler")).value();
    }
  };
  std::optional<error> a, late;
  v.begin("/a", 300, a);
  v.run_ready();
  CHECK(v.calls.size() == 1);
  v.begin("/late", 100, late);
  v.run_ready();
  CHECK(!a);
  CHECK(!late);
  CHECK(v.over.stats().waiting == 2);
  v.open_gate();
  v.run_ready();
  REQUIRE((a && late));
  CHECK(!a->code());
  CHECK(!late->code());
  REQUIRE(v.calls.size() == 2);
  CHECK(v.calls[1].bytes == 100);
}

TEST_CASE("reclaim: what is freed for one is taken by nobody else", "[reclaim][fairness]") {
  answering v;
  v.answer = [&](file_system fs) -> awaitable<void> {
    (co_await fs.write_file("/filler", content_of(500))).value();
    co_await v.closed();
  };
  std::optional<error> a;
  v.begin("/a", 500, a);
  v.run_ready();
  CHECK(!a);
  // All of it is reserved for the request already.
  CHECK(v.available() == 0);
  v.open_gate();
  v.run_ready();
  REQUIRE(a);
  CHECK(!a->code());
}

TEST_CASE("reclaim: who waited before is served first, and who asked waits behind all",
          "[reclaim][fairness]") {
  answering v;
  open_options waits;
  waits.on_full = when_full::wait;
  std::optional<error> first, second;
  v.begin("/first", 600, first, waits);
  v.run_ready();
  CHECK(v.calls.size() == 1);
  CHECK(v.over.stats().waiting == 1);
  v.answer = [&](file_system fs) -> awaitable<void> {
    (co_await fs.write_file("/filler", content_of(500))).value();
  };
  v.begin("/second", 500, second, waits);
  v.run_ready();
  CHECK(v.calls.size() == 2);
  CHECK(v.calls[1].bytes == 1000);  // no more is taken
  CHECK(v.calls[1].least_bytes == 1);
  // 500 are free, and set aside for the first, who wants more.
  CHECK(!first);
  CHECK(!second);
  CHECK(v.available() == 0);
  v.threads.write_file("/filler", content_of(400)).value();
  v.run_ready();
  REQUIRE(first);
  CHECK(!first->code());
  CHECK(!second);
  v.threads.remove("/filler").value();
  v.threads.remove("/first").value();
  v.run_ready();
  REQUIRE(second);
  CHECK(!second->code());
}

TEST_CASE("reclaim: a cancelled request leaves the asking, which goes on for the others",
          "[reclaim][cancellation]") {
  answering v;
  bool has_ended = false;
  v.answer = [&](file_system fs) -> awaitable<void> {
    co_await v.closed();
    (co_await fs.remove("/filler")).value();
    has_ended = true;
  };
  asio::cancellation_signal signal;
  std::optional<error> canceled, other;
  v.begin("/canceled", 600, canceled, {}, &signal);
  v.begin("/other", 400, other);
  v.run_ready();
  REQUIRE(v.calls.size() == 1);
  signal.emit(asio::cancellation_type::terminal);
  v.run_ready();
  REQUIRE(canceled);
  CHECK(*canceled == errc::canceled);
  CHECK(!other);
  CHECK(!has_ended);
  v.open_gate();
  v.run_ready();
  CHECK(has_ended);
  REQUIRE(other);
  CHECK(!other->code());
  // Nothing is kept for one who has gone.
  CHECK(v.available() == 600);
  CHECK(v.over.stats().waiting == 0);
}

TEST_CASE("reclaim: where all have gone what was freed is free", "[reclaim][cancellation]") {
  answering v;
  v.answer = [&](file_system fs) -> awaitable<void> {
    co_await v.closed();
    (co_await fs.remove("/filler")).value();
  };
  asio::cancellation_signal signal;
  std::optional<error> canceled;
  v.begin("/canceled", 600, canceled, {}, &signal);
  v.run_ready();
  signal.emit(asio::cancellation_type::terminal);
  v.run_ready();
  CHECK(canceled);
  v.open_gate();
  v.run_ready();
  fill(v.over, "/all", 1000);
}

TEST_CASE("reclaim: one with no time is refused, and the asking goes on", "[reclaim]") {
  answering v;
  v.answer = [](file_system fs) -> awaitable<void> { (co_await fs.remove("/filler")).value(); };
  const auto on_full = GENERATE(when_full::reject, when_full::wait);
  open_options at_once;
  at_once.timeout = lock_timeout::immediate();
  at_once.on_full = on_full;
  std::optional<error> refused;
  v.begin("/a", 10, refused, at_once);
  v.run_ready();
  REQUIRE(refused);
  CHECK(*refused == errc::quota_exceeded);
  // It has gone, and what it wanted is freed for whoever comes next.
  REQUIRE(v.calls.size() == 1);
  CHECK(v.calls[0].bytes == 10);
  CHECK(v.over.stats().waiting == 0);
  fill(v.over, "/all", 1000);
}

TEST_CASE("reclaim: those who share an asking that frees too little take what they find",
          "[reclaim][lru]") {
  asio::io_context context{1};
  const volume v = volume::create(thousand(least_recently_used_on(context.get_executor()))).value();
  for (int i = 0; i < 100; ++i) fill(v, "/" + std::to_string(i), 10);
  file_system fs(context.get_executor(), v);
  int done = 0;
  for (const char* const path : {"/a", "/b", "/c"})
    asio::co_spawn(
        context,
        [&fs, &done, path]() -> awaitable<void> {
          const auto written = co_await fs.write_file(path, content_of(400));
          if (written) ++done;
        },
        [](std::exception_ptr) {});
  context.run();
  CHECK(done == 2);
}

TEST_CASE("reclaim: one whose want would make the sum too large asks later", "[reclaim]") {
  asio::io_context context{1};
  std::vector<shortage> calls;
  volume_options o =
      thousand(reclaim_on(context.get_executor(), [&](file_system, shortage s) -> awaitable<void> {
        calls.push_back(s);
        co_return;
      }));
  o.max_quota = std::uint64_t{1} << 63;
  o.memory_guard.mode = guard_mode::none;
  const volume v = volume::create(o).value();
  sync::file_system threads(v);
  auto half = threads.open("/half", open_mode::create).value();
  half.reserve(std::uint64_t{1} << 62).value();
  auto rest = threads.open("/rest", open_mode::create).value();
  rest.reserve(std::uint64_t{1} << 62).value();
  file_system fs(context.get_executor(), v);
  int refused = 0;
  for (const char* const path : {"/a", "/b", "/c", "/d"})
    asio::co_spawn(
        context,
        [&, path]() -> awaitable<void> {
          auto opened = co_await fs.open(path, open_mode::create);
          auto f = std::move(opened).value();
          const auto had = co_await f.reserve(std::uint64_t{1} << 62);
          if (had.error() == errc::quota_exceeded) ++refused;
        },
        [](std::exception_ptr) {});
  context.run();
  CHECK(refused == 4);
  REQUIRE(calls.size() == 2);
  CHECK(calls[0].bytes == o.max_quota);
  CHECK(calls[1].bytes == (std::uint64_t{1} << 62));
}

TEST_CASE("reclaim: a callback may destroy the file whose write asks", "[reclaim][dying]") {
  asio::io_context context{1};
  std::unique_ptr<file> f;
  const bool closes = GENERATE(false, true), frees = GENERATE(false, true);
  const volume v = volume::create(thousand([&](const volume& of, const shortage&) {
                     closes ? static_cast<void>(f->close()) : f.reset();
                     if (frees) sync::file_system(of).remove("/filler").value();
                   })).value();
  fill(v, "/filler", 900);
  file_system fs(context.get_executor(), v);
  std::optional<error> ended;
  asio::co_spawn(
      context,
      [&]() -> awaitable<void> {
        auto opened = co_await fs.open("/b", open_mode::create);
        f = std::make_unique<file>(std::move(opened).value());
        const auto written = co_await f->write(content_of(500));
        ended = error_of(written);
      },
      [](std::exception_ptr) {});
  context.run();
  REQUIRE(ended);
  CHECK(*ended == errc::not_open);
  CHECK(v.stats().open_handles == 0);
  CHECK(v.stats().waiting == 0);
  CHECK(v.stats().used_bytes == (frees ? 0U : 900U));
  // Nothing is set aside for one who has gone.
  fill(v, "/all", frees ? 1000 : 100);
}

TEST_CASE("reclaim: the executor may be a strand, whose context goes before the volume",
          "[reclaim][dying]") {
  auto there = std::make_unique<asio::io_context>(1);
  std::optional<volume> v =
      volume::create(thousand(reclaim_on(asio::make_strand(there->get_executor()),
                                         [](file_system fs, shortage) -> awaitable<void> {
                                           (co_await fs.remove("/a")).value();
                                         })))
          .value();
  fill(*v, "/a", 1000);
  sync::file_system fs(*v);
  auto work = std::make_optional(asio::make_work_guard(*there));
  std::thread runs([&] { there->run(); });
  fill(*v, "/b", 1000);
  work.reset();
  runs.join();
  there.reset();
  CHECK(fs.write_file("/c", content_of(10)).error() == errc::quota_exceeded);
  v.reset();
}

TEST_CASE("reclaim: a coroutine that throws, or dies with its context, ends the asking",
          "[reclaim][dying]") {
  const bool dies = GENERATE(false, true);
  auto there = std::make_unique<asio::io_context>(1);
  asio::io_context here{1};
  asio::steady_timer never(*there, asio::steady_timer::time_point::max());
  auto work = asio::make_work_guard(*there);
  const volume v =
      volume::create(thousand(reclaim_on(there->get_executor(),
                                         [&](file_system, shortage) -> awaitable<void> {
                                           if (!dies) throw std::runtime_error("no more");
                                           co_await never.async_wait(asio::use_awaitable);
                                         })))
          .value();
  fill(v, "/filler", 1000);
  file_system fs(here.get_executor(), v);
  std::optional<error> ended;
  asio::co_spawn(
      here,
      [&]() -> awaitable<void> {
        const std::string content = xs(10);
        const auto written = co_await fs.write_file("/a", buffer_of(content));
        ended = error_of(written);
      },
      [](std::exception_ptr) {});
  here.poll();
  there->poll();
  here.restart();
  here.poll();
  if (dies) {
    CHECK(!ended);
    work.reset();
    never = asio::steady_timer(here);
    there.reset();
    here.restart();
    here.poll();
  }
  REQUIRE(ended);
  CHECK(*ended == errc::quota_exceeded);
}

TEST_CASE("reclaim: what its coroutine does asks nobody, and waits for no space", "[reclaim]") {
  answering v;
  std::vector<error> own;
  v.answer = [&](file_system fs) -> awaitable<void> {
    open_options waits;
    waits.on_full = when_full::wait;
    waits.timeout = lock_timeout::forever();
    waits.preallocate = 10;
    const std::string ten = xs(10);
    const auto written = co_await fs.write_file("/own", buffer_of(ten));
    own.push_back(error_of(written));
    co_await asio::post(asio::use_awaitable);
    const auto opened = co_await fs.open("/own", open_mode::write, waits);
    own.push_back(error_of(opened));
    // Also of another file system that it has.
    const auto again = co_await v.fs.write_file("/own", buffer_of(ten));
    own.push_back(error_of(again));
    (co_await fs.remove("/filler")).value();
  };
  std::optional<error> a;
  v.begin("/a", 1000, a);
  v.run_ready();
  CHECK(v.calls.size() == 1);
  REQUIRE(own.size() == 3);
  for (const error& e : own) CHECK(e == errc::quota_exceeded);
  REQUIRE(a);
  CHECK(!a->code());
}

TEST_CASE("reclaim: a thread waits for the coroutine, which runs where it belongs", "[reclaim]") {
  answering v;
  std::thread::id ran_on;
  v.answer = [&](file_system fs) -> awaitable<void> {
    ran_on = std::this_thread::get_id();
    (co_await fs.remove("/filler")).value();
  };
  auto work = asio::make_work_guard(v.context);
  std::thread runs([&] { v.context.run(); });
  const auto id = runs.get_id();
  v.threads.write_file("/a", content_of(1000)).value();
  work.reset();
  runs.join();
  CHECK(ran_on == id);
  CHECK(v.calls.size() == 1);
}

TEST_CASE("reclaim: a wait for the answer ends by its timeout", "[reclaim]") {
  answering v;
  // Nobody runs the context.
  open_options short_of_time;
  short_of_time.timeout = std::chrono::milliseconds(1);
  short_of_time.preallocate = 10;
  const auto late = v.threads.open("/a", open_mode::create, short_of_time);
  CHECK(late.error() == errc::timed_out);
  CHECK(late.error().requested() == 10);
  CHECK(v.over.stats().waiting == 0);
  v.run_ready();
  CHECK(v.calls.empty());
}

}  // namespace coramfs::tests
