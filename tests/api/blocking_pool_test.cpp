// SPDX-License-Identifier: BSL-1.0
// Blocking work on threads of a pool, awaited by coroutines that may be cancelled and whose context
// may die first.
#include <coramfs/blocking_pool.hpp>

#include "api/coroutines.hpp"
#include "support/await_waiting.hpp"

#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace coramfs::tests {

namespace {

/// Work that runs until it is let go, so that what stands behind it on a pool of one thread waits.
class barrier {
 public:
  /// Runs until `open`, whatever the stop token says.
  auto work() {
    return [this](std::stop_token stop) {
      has_begun = true;
      opened_.wait();
      return stop.stop_requested();
    };
  }
  void open() { open_.set_value(); }

  std::atomic<bool> has_begun{false};

 private:
  std::promise<void> open_;
  std::shared_future<void> opened_{open_.get_future()};
};

/// Runs until it is asked to stop.
result<int> until_stopped(const std::stop_token& stop) {
  while (!stop.stop_requested()) std::this_thread::yield();
  return errc::canceled;
}

}  // namespace

TEST_CASE("offload: work runs on another thread, and its coroutine resumes on its own executor",
          "[api][offload]") {
  blocking_pool pool;
  asio::io_context context;
  std::thread::id worker;
  bool done = false;
  spawn(context, [&]() -> asio::awaitable<void> {
    auto where = co_await offload(pool, [] { return std::this_thread::get_id(); });
    worker = where.value();
    CHECK(std::this_thread::get_id() != worker);
    const auto executor = co_await asio::this_coro::executor;
    CHECK(executor == asio::any_io_executor(context.get_executor()));
    done = context.get_executor().running_in_this_thread();
  });
  context.run();
  CHECK(done);
  CHECK(worker != std::thread::id());
}

TEST_CASE("offload: what the work returns or throws is the outcome", "[api][offload]") {
  blocking_pool pool(1);
  asio::io_context context;
  int ended = 0;
  spawn(context, [&]() -> asio::awaitable<void> {
    const auto number = co_await offload(pool, [] { return 7; });
    CHECK(number.value() == 7);
    const auto nothing = co_await offload(pool, [] {});
    CHECK(nothing.has_value());
    auto moved = co_await offload(pool, [] { return std::make_unique<int>(3); });
    CHECK(*moved.value() == 3);
    const auto failed = co_await offload(pool, []() -> result<int> { return errc::busy; });
    CHECK(error_of(failed) == errc::busy);
    const auto refused = co_await offload(pool, []() -> int { throw std::bad_alloc(); });
    CHECK(error_of(refused) == errc::out_of_memory);
    ++ended;
  });
  spawn(context, [&]() -> asio::awaitable<void> {
    std::string what;
    try {
      (void)co_await offload(pool, [] { throw std::runtime_error("its own"); });
    } catch (const std::runtime_error& e) {
      what = e.what();
    }
    CHECK(what == "its own");
    ++ended;
  });
  context.run();
  CHECK(ended == 2);
}

TEST_CASE("offload: work is taken at the call, and destroyed once, when it has run",
          "[api][offload]") {
  blocking_pool pool;
  asio::io_context context;
  const auto owned = std::make_shared<int>(5);
  bool done = false;
  spawn(context, [&]() -> asio::awaitable<void> {
    auto work = [o = owned] { return *o; };
    const auto seen = co_await offload(pool, std::move(work));
    CHECK(seen.value() == 5);
    CHECK(owned.use_count() == 1);
    done = true;
  });
  context.run();
  CHECK(done);
  CHECK(owned.use_count() == 1);
  std::atomic<bool> ran{false};
  {
    const auto unawaited = offload(pool, [&ran, owned] { ran = true; });
  }
  CHECK(owned.use_count() == 1);
  CHECK(!ran);
}

TEST_CASE("offload: the awaiting executor is not blocked meanwhile", "[api][offload]") {
  blocking_pool pool(1);
  asio::io_context context;
  barrier first;
  std::vector<int> order;
  spawn(context, [&]() -> asio::awaitable<void> {
    (void)co_await offload(pool, first.work());
    order.push_back(2);
  });
  spawn(context, [&]() -> asio::awaitable<void> {
    order.push_back(1);
    first.open();
    co_return;
  });
  context.run();
  CHECK(order == std::vector<int>{1, 2});
}

TEST_CASE("offload: cancelled in the queue it ends at once, and the work never runs",
          "[api][offload][cancellation]") {
  blocking_pool pool(1);
  asio::io_context context;
  barrier first;
  asio::cancellation_signal signal;
  std::atomic<bool> ran{false};
  const auto owned = std::make_shared<int>(0);
  std::optional<error> why;
  bool first_ended = false;
  spawn(context, [&]() -> asio::awaitable<void> {
    (void)co_await offload(pool, first.work());
    first_ended = true;
  });
  spawn(context, signal, [&]() -> asio::awaitable<void> {
    auto work = [&ran, o = owned] { ran = true; };
    const auto r = co_await offload(pool, std::move(work));
    why = error_of(r);
  });
  context.poll();
  await([&] { return first.has_begun.load(); });
  signal.emit(asio::cancellation_type::terminal);
  while (!why) context.run_one();
  CHECK(*why == errc::canceled);
  CHECK(!first_ended);
  CHECK(owned.use_count() == 1);
  first.open();
  context.run();
  CHECK(first_ended);
  CHECK(!ran);
}

TEST_CASE("offload: cancelled while the work runs it is asked to stop, and waited for",
          "[api][offload][cancellation]") {
  blocking_pool pool(1);
  asio::io_context context;
  asio::cancellation_signal signal;
  std::atomic<bool> began{false}, ended{false};
  std::optional<result<int>> listens, finishes;
  spawn(context, signal, [&]() -> asio::awaitable<void> {
    listens = co_await offload(pool, [&](std::stop_token stop) -> result<int> {
      began = true;
      const auto r = until_stopped(stop);
      ended = true;
      return r;
    });
    CHECK(ended);
  });
  context.poll();
  await([&] { return began.load(); });
  signal.emit(asio::cancellation_type::terminal);
  context.run();
  CHECK(error_of(*listens) == errc::canceled);

  // What does not listen runs to its end, and its outcome is told.
  context.restart();
  barrier deaf;
  spawn(context, signal, [&]() -> asio::awaitable<void> {
    finishes = co_await offload(pool, [&] {
      deaf.work()({});
      return 4;
    });
  });
  context.poll();
  await([&] { return deaf.has_begun.load(); });
  signal.emit(asio::cancellation_type::terminal);
  context.poll();
  CHECK(!finishes);
  deaf.open();
  context.run();
  CHECK(finishes->value() == 4);
}

TEST_CASE("offload: what was cancelled before is not begun", "[api][offload][cancellation]") {
  blocking_pool pool;
  asio::io_context context;
  asio::cancellation_signal signal;
  std::atomic<bool> ran{false};
  std::optional<error> why;
  spawn(context, signal, [&]() -> asio::awaitable<void> {
    co_await asio::this_coro::throw_if_cancelled(false);
    signal.emit(asio::cancellation_type::terminal);
    // Newer versions of Asio take the signal to the executor.
    co_await asio::post(asio::use_awaitable);
    const auto r = co_await offload(pool, [&ran] { ran = true; });
    why = error_of(r);
  });
  context.run();
  CHECK(*why == errc::canceled);
  CHECK(!ran);
}

TEST_CASE("offload: a context that dies leaves work in the queue undone, and destroys it",
          "[api][offload]") {
  blocking_pool pool(1);
  barrier first;
  auto owned = std::make_shared<int>(0);
  const std::weak_ptr<int> watched = owned;
  std::atomic<bool> ran{false};
  bool resumed = false;
  asio::io_context living;
  spawn(living, [&]() -> asio::awaitable<void> { (void)co_await offload(pool, first.work()); });
  living.poll();
  {
    asio::io_context dying;
    spawn(dying, [&]() -> asio::awaitable<void> {
      auto work = [&ran, o = std::move(owned)] { ran = true; };
      (void)co_await offload(pool, std::move(work));
      resumed = true;
    });
    dying.poll();
    CHECK(!watched.expired());
  }
  CHECK(watched.expired());
  first.open();
  living.run();
  CHECK(!ran);
  CHECK(!resumed);
}

TEST_CASE("offload: a context that dies asks running work to stop, and does not wait for it",
          "[api][offload]") {
  const auto owned = std::make_shared<std::atomic<int>>(0);
  const auto go_on = std::make_shared<barrier>();
  bool resumed = false;
  {
    blocking_pool pool(1);
    {
      asio::io_context dying;
      spawn(dying, [&]() -> asio::awaitable<void> {
        auto work = [owned, go_on](std::stop_token stop) {
          *owned = 1;
          (void)until_stopped(stop);
          *owned = 2;
          (void)go_on->work()({});
          *owned = 3;
          return std::make_unique<int>(1);
        };
        (void)co_await offload(pool, std::move(work));
        resumed = true;
      });
      dying.poll();
      await([&] { return *owned == 1; });
    }
    await([&] { return *owned == 2; });
    go_on->open();
  }
  CHECK(*owned == 3);
  CHECK(owned.use_count() == 1);
  CHECK(!resumed);
}

TEST_CASE("offload: a context may die after the signal of what waits on it", "[api][offload]") {
  barrier first;
  blocking_pool pool(1);
  bool resumed = false;
  {
    asio::io_context dying;
    asio::cancellation_signal signal;
    spawn(dying, signal, [&]() -> asio::awaitable<void> {
      (void)co_await offload(pool, first.work());
      resumed = true;
    });
    dying.poll();
    await([&] { return first.has_begun.load(); });
  }
  first.open();
  CHECK(!resumed);
}

TEST_CASE("offload: a signal that outlives its context keeps no work", "[api][offload]") {
  blocking_pool pool(1);
  barrier first;
  asio::io_context living;
  spawn(living, [&]() -> asio::awaitable<void> { (void)co_await offload(pool, first.work()); });
  living.poll();
  auto owned = std::make_shared<int>(0);
  const std::weak_ptr<int> watched = owned;
  asio::cancellation_signal signal;
  {
    asio::io_context dying;
    spawn(dying, signal, [&]() -> asio::awaitable<void> {
      auto work = [o = std::move(owned)] {};
      (void)co_await offload(pool, std::move(work));
    });
    dying.poll();
    CHECK(!watched.expired());
  }
  CHECK(watched.expired());
  signal.emit(asio::cancellation_type::terminal);
  first.open();
  living.run();
}

TEST_CASE("offload: a context may die at any moment of the work", "[api][offload]") {
  blocking_pool pool;
  std::atomic<int> alive{0};
  struct counted {
    explicit counted(std::atomic<int>& n) : n_(&n) { ++n; }
    counted(const counted& other) : n_(other.n_) { ++*n_; }
    ~counted() { --*n_; }
    std::atomic<int>* n_;
  };
  for (int i = 0; i < 2000; ++i) {
    asio::io_context dying;
    for (int k = 0; k < 3; ++k) {
      spawn(dying, [&, c = counted(alive)]() -> asio::awaitable<void> {
        for (;;) {
          auto work = [c] { return c; };
          (void)co_await offload(pool, std::move(work));
        }
      });
    }
    for (int step = i % 7; step > 0; --step) dying.run_one();
    dying.poll();
  }
  await([&] { return alive == 0; });
  CHECK(alive == 0);
}

TEST_CASE("offload: a cancellation may come at any moment of the work",
          "[api][offload][cancellation]") {
  blocking_pool pool;
  asio::io_context context;
  std::atomic<int> ran{0};
  int done = 0, canceled = 0;
  constexpr int rounds = 2000;
  for (int i = 0; i < rounds; ++i) {
    asio::cancellation_signal signal;
    spawn(context, signal, [&]() -> asio::awaitable<void> {
      const auto r = co_await offload(pool, [&ran] { ++ran; });
      ++(r ? done : canceled);
    });
    context.poll();
    for (int k = i % 50; k > 0; --k) std::this_thread::yield();
    signal.emit(asio::cancellation_type::terminal);
    context.run();
    context.restart();
  }
  CHECK(done == ran);
  CHECK(done + canceled == rounds);
}

TEST_CASE("offload: a pool that is stopped ends what has not begun, and stops what has",
          "[api][offload]") {
  std::optional<blocking_pool> pool(std::in_place, 1);
  asio::io_context context;
  std::atomic<bool> began{false}, ran{false};
  std::vector<error> why;
  spawn(context, [&]() -> asio::awaitable<void> {
    const auto r = co_await offload(*pool, [&](std::stop_token stop) {
      began = true;
      return until_stopped(stop);
    });
    why.push_back(error_of(r));
  });
  for (int i = 0; i < 3; ++i) {
    spawn(context, [&]() -> asio::awaitable<void> {
      const auto r = co_await offload(*pool, [&ran] { ran = true; });
      why.push_back(error_of(r));
    });
  }
  context.poll();
  await([&] { return began.load(); });
  const bool only_stopped = GENERATE(true, false);
  if (only_stopped) {
    pool->stop();
    spawn(context, [&]() -> asio::awaitable<void> {
      const auto r = co_await offload(*pool, [&ran] { ran = true; });
      why.push_back(error_of(r));
    });
  } else {
    pool.reset();
  }
  context.run();
  CHECK(why.size() == (only_stopped ? 5 : 4));
  for (const error& e : why) CHECK(e == errc::canceled);
  CHECK(!ran);
}

TEST_CASE("offload: a pool may be destroyed while many contexts offload to it", "[api][offload]") {
  for (int i = 0; i < 50; ++i) {
    auto pool = std::make_shared<blocking_pool>(3);
    asio::thread_pool context(2);
    std::atomic<int> done{0}, canceled{0};
    constexpr int coroutines = 8;
    for (int k = 0; k < coroutines; ++k) {
      spawn(context, [&done, &canceled, p = pool]() -> asio::awaitable<void> {
        for (int n = 0; n < 20; ++n) {
          const auto r = co_await offload(*p, [] { return 1; });
          ++(r ? done : canceled);
        }
      });
    }
    pool->stop();
    context.join();
    CHECK(done + canceled == 20 * coroutines);
  }
}

TEST_CASE("offload: the last owner of a pool may be work on it", "[api][offload]") {
  asio::io_context context;
  bool done = false;
  auto pool = std::make_shared<blocking_pool>(2);
  spawn(context, [&]() -> asio::awaitable<void> {
    blocking_pool& on = *pool;
    auto work = [p = std::move(pool)]() mutable {
      p.reset();
      return 1;
    };
    const auto r = co_await offload(on, std::move(work));
    done = r.value() == 1;
  });
  context.run();
  CHECK(done);
}

TEST_CASE("offload: work that ends its pool does not wait for other work", "[api][offload]") {
  asio::io_context context;
  barrier first;
  auto pool = std::make_shared<blocking_pool>(2);
  int done = 0;
  spawn(context, [&]() -> asio::awaitable<void> {
    const auto r = co_await offload(*pool, first.work());
    done += r.has_value() ? 1 : 0;
  });
  spawn(context, [&]() -> asio::awaitable<void> {
    blocking_pool& on = *pool;
    auto work = [&first, p = std::move(pool)]() mutable {
      await([&] { return first.has_begun.load(); });
      p.reset();
      first.open();
    };
    const auto r = co_await offload(on, std::move(work));
    done += r.has_value() ? 1 : 0;
  });
  context.run();
  CHECK(done == 2);
}

}  // namespace coramfs::tests
