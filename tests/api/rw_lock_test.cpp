// SPDX-License-Identifier: BSL-1.0
#include <coramfs/rw_lock.hpp>

#include "api/coroutines.hpp"

#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <future>
#include <mutex>
#include <optional>
#include <shared_mutex>

namespace coramfs::tests {

namespace {

using asio::awaitable;

}  // namespace

TEST_CASE("rw_lock: the standard's locks work on it", "[api][rw_lock]") {
  rw_lock lock;
  {
    const std::unique_lock writer(lock);
    CHECK(!lock.try_lock());
    CHECK(!lock.try_lock_shared());
    CHECK(!std::shared_lock(lock, std::try_to_lock).owns_lock());
  }
  const std::shared_lock one(lock), two(lock);
  CHECK(!std::unique_lock(lock, std::try_to_lock).owns_lock());
  CHECK(std::shared_lock(lock, std::try_to_lock).owns_lock());
}

TEST_CASE("rw_lock: a thread's wait ends in time, never before it", "[api][rw_lock]") {
  using namespace std::chrono_literals;
  rw_lock lock;
  CHECK(lock.lock_for(0s));
  CHECK(!lock.lock_for(-1s));
  CHECK(!lock.lock_shared_for(lock_timeout::immediate()));
  for (const auto length : {1us, 2000us}) {
    const auto begin = std::chrono::steady_clock::now();
    CHECK(!lock.lock_for(length));
    CHECK(!lock.lock_shared_for(length));
    CHECK(std::chrono::steady_clock::now() - begin >= 2 * length);
  }
  lock.unlock();
  CHECK(lock.lock_shared_for(lock_timeout::forever()));
  CHECK(lock.lock_shared_for(1us));
  lock.unlock_shared();
  lock.unlock_shared();
  CHECK(lock.try_lock());
  lock.unlock();
}

TEST_CASE("rw_lock: a coroutine has it at once where it is free, and a hold gives it back",
          "[api][rw_lock]") {
  asio::io_context context;
  rw_lock lock;
  spawn(context, [&]() -> awaitable<void> {
    {
      auto writer = co_await lock.acquire();
      CHECK(writer.value());
      CHECK(!lock.try_lock_shared());
      writer.value().release();
      CHECK(!writer.value());
      const auto reader = co_await lock.acquire_shared(lock_timeout::immediate());
      const auto another = co_await lock.acquire_shared();
      CHECK(another.value());
      CHECK(!lock.try_lock());
      const auto at_once = co_await lock.acquire(lock_timeout::immediate());
      CHECK(error_of(at_once) == errc::would_block);
      const auto late = co_await lock.acquire(std::chrono::milliseconds(1));
      CHECK(error_of(late) == errc::timed_out);
    }
    CHECK(lock.try_lock());
    lock.unlock();
  });
  context.run();
}

TEST_CASE("rw_lock: coroutines and a thread take turns in the order in which they came",
          "[api][rw_lock][fairness]") {
  asio::io_context context;
  rw_lock lock;
  std::string order;
  const auto reader = [&](char name) {
    spawn(context, [&, name]() -> awaitable<void> {
      const auto hold = co_await lock.acquire_shared();
      order += name;
      co_await asio::post(asio::use_awaitable);
    });
  };
  const auto writer = [&](char name) {
    spawn(context, [&, name]() -> awaitable<void> {
      const auto hold = co_await lock.acquire();
      order += name;
      co_await asio::post(asio::use_awaitable);
    });
  };
  lock.lock_shared();
  auto thread = std::async(std::launch::async, [&] {
    lock.lock();
    order += 'T';
    lock.unlock();
  });
  // Readers get in until the thread stands in the queue.
  while (lock.try_lock_shared()) lock.unlock_shared();
  reader('a');
  writer('B');
  reader('c');
  reader('d');
  writer('E');
  context.poll();
  CHECK(order.empty());
  lock.unlock_shared();
  thread.get();
  context.run();
  CHECK(order == "TaBcdE");
  CHECK(lock.try_lock());
  lock.unlock();
}

TEST_CASE("rw_lock: unlock resumes nobody inside itself", "[api][rw_lock]") {
  asio::io_context context;
  rw_lock lock;
  bool had = false;
  lock.lock();
  spawn(context, [&]() -> awaitable<void> {
    const auto hold = co_await lock.acquire();
    had = true;
  });
  context.poll();
  lock.unlock();
  CHECK(!had);
  CHECK(!lock.try_lock());
  context.run();
  CHECK(had);
}

TEST_CASE("rw_lock: the standard's locks take it with a timeout", "[api][rw_lock]") {
  using namespace std::chrono_literals;
  rw_lock lock;
  {
    const std::unique_lock one(lock, 1h);
    CHECK(one.owns_lock());
    CHECK(!std::unique_lock(lock, 1ms).owns_lock());
    CHECK(!std::shared_lock(lock, 1ms).owns_lock());
    CHECK(!std::unique_lock(lock, std::chrono::system_clock::now() + 1ms).owns_lock());
    CHECK(!std::shared_lock(lock, std::chrono::steady_clock::now() - 1s).owns_lock());
  }
  const std::shared_lock one(lock, 1h), other(lock, std::chrono::system_clock::now() + 1h);
  CHECK(one.owns_lock());
  CHECK(other.owns_lock());
  CHECK(!lock.try_lock_for(0s));
}

TEST_CASE("rw_lock: a cancelled wait leaves nothing, and lets in who stands behind",
          "[api][rw_lock][cancellation]") {
  asio::io_context context;
  rw_lock lock;
  asio::cancellation_signal signal;
  std::optional<error> writer;
  bool reader = false;
  lock.lock_shared();
  spawn(context, signal, [&]() -> awaitable<void> {
    const auto hold = co_await lock.acquire();
    writer = error_of(hold);
  });
  spawn(context, [&]() -> awaitable<void> {
    const auto hold = co_await lock.acquire_shared();
    reader = hold.has_value();
  });
  context.poll();
  signal.emit(asio::cancellation_type::terminal);
  context.run();
  REQUIRE(writer);
  CHECK(*writer == errc::canceled);
  CHECK(reader);
  lock.unlock_shared();
  CHECK(lock.try_lock());
  lock.unlock();
}

}  // namespace coramfs::tests
