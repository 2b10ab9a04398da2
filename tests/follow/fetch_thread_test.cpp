// SPDX-License-Identifier: BSL-1.0
// Threads and coroutines on many threads that fetch the same names, and leave when they like.
#include <coramfs/fetch.hpp>
#include <coramfs/sync/fetch.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/associated_cancellation_slot.hpp>
#include <asio/async_result.hpp>
#include <asio/bind_executor.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_state.hpp>
#include <asio/co_spawn.hpp>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

constexpr std::size_t pieces = 20, piece_size = 3000;

std::string piece(std::size_t number) {
  return std::string(piece_size, static_cast<char>('a' + number % 26));
}

std::string whole() {
  std::string all;
  for (std::size_t i = 0; i < pieces; ++i) all += piece(i);
  return all;
}

/// What those who fetch one name have in common.
struct shared {
  std::string path;
  std::atomic<int> finished{0};
};

asio::awaitable<result<void>> produce(shared& in, file to, bool fails) {
  for (std::size_t i = 0; i < pieces; ++i) {
    const std::string text = piece(i);
    const auto done = co_await to.write(asio::buffer(text));
    if (!done) co_return done.error();
    co_await asio::post(asio::use_awaitable);
    if (fails && i == pieces / 2) co_return errc::corrupt_archive;
  }
  ++in.finished;
  co_return boost::outcome_v2::success();
}

result<void> produce_here(shared& in, sync::file& to, bool fails) {
  for (std::size_t i = 0; i < pieces; ++i) {
    BOOST_OUTCOME_TRY(to.write(piece(i)));
    if (fails && i == pieces / 2) return errc::corrupt_archive;
  }
  ++in.finished;
  return boost::outcome_v2::success();
}

/// Whether all that was read is right, and ended as it may.
bool is_right(const std::string& seen, const error& why, bool left) {
  const std::string all = whole();
  if (all.compare(0, seen.size(), seen) != 0) return false;
  if (left) return true;
  if (!why.code()) return seen.size() == all.size();
  return why == errc::corrupt_archive;
}

void append(std::string& to, const pinned& p) {
  std::string text(p.size(), '\0');
  asio::buffer_copy(asio::buffer(text), p);
  to += text;
}

asio::awaitable<bool> fetch_by_coroutine(file_system fs, shared& in, std::uint64_t number) {
  const bool fails = number % 5 == 0;
  const std::size_t stays = number % 3 == 0 ? number % pieces : pieces * piece_size;
  fetch_options o;
  o.follow.at_least = 1 + number * 500;
  if (number % 4 == 0) o.linger = std::chrono::milliseconds(number % 2);
  if (number % 7 == 0) o.when_alone = fetch_options::alone::finish;
  auto fetched = co_await fs.fetch(
      in.path, [&in, fails](file to) { return produce(in, std::move(to), fails); }, o);
  if (!fetched) co_return false;
  follower f = std::move(fetched).value();
  std::string seen;
  for (std::size_t i = 0;; ++i) {
    auto next = co_await f.next(1000 + number);
    const error why = error_of(next);
    if (!next || next.value().size() == 0) co_return is_right(seen, why, false);
    append(seen, next.value());
    if (i == stays) co_return is_right(seen, why, true);
  }
}

bool fetch_by_thread(sync::file_system fs, shared& in, std::uint64_t number) {
  const bool fails = number % 5 == 0;
  auto fetched = fs.fetch(in.path, [&](sync::file& to) { return produce_here(in, to, fails); });
  if (!fetched) return false;
  sync::follower f = std::move(fetched).value();
  std::string seen;
  for (std::size_t i = 0;; ++i) {
    auto next = f.next(1000 + number);
    const error why = error_of(next);
    if (!next || next.value().size() == 0) return is_right(seen, why, false);
    append(seen, next.value());
    if (number % 3 == 0 && i == number) return is_right(seen, why, true);
  }
}

}  // namespace

TEST_CASE("fetch: threads and coroutines of many threads share what one of them has made",
          "[fetch][threads]") {
  const std::uint64_t rounds = 30;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    const volume v = volume::create().value();
    shared in{.path = "/f", .finished = 0};
    {
      asio::thread_pool pool(3);
      const file_system fs(pool.get_executor(), v);
      std::vector<std::future<bool>> all;
      for (std::uint64_t i = 0; i < 12; ++i) {
        const std::uint64_t number = round * 12 + i;
        if (i % 4 == 3) {
          all.push_back(std::async(std::launch::async, fetch_by_thread, sync::file_system(v),
                                   std::ref(in), number));
        } else {
          all.push_back(asio::co_spawn(pool, fetch_by_coroutine(fs, in, number), asio::use_future));
        }
      }
      for (auto& one : all) REQUIRE(one.get());
      pool.join();
    }
    CHECK(v.stats().open_handles == 0);
    // One that is there is not made again.
    CHECK(in.finished <= 1);
    sync::file_system threads(v);
    if (threads.exists("/f").value()) CHECK(threads.read_text("/f").value() == whole());
  }
}

// What leaves its executor hears of no cancellation meanwhile: that is emitted on the strand.
TEST_CASE("fetch: a producer may end elsewhere than on its strand", "[fetch][threads]") {
  const volume v = volume::create().value();
  {
    asio::thread_pool pool(2), other(1);
    const file_system fs(pool.get_executor(), v);
    const auto hop = [&](file to) -> asio::awaitable<result<void>> {
      const auto done = co_await to.write(asio::buffer("abc", 3));
      if (!done) co_return done.error();
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
      co_await asio::post(asio::bind_executor(other, asio::use_awaitable));
      co_return boost::outcome_v2::success();
    };
    for (int i = 0; i < 500; ++i) {
      const std::string path = "/f" + std::to_string(i);
      auto f = fs.fetch(path, hop, asio::use_future).get();
      REQUIRE(f);
    }
    pool.join();
    other.join();
  }
  CHECK(v.stats().open_handles == 0);
}

TEST_CASE("fetch: what a producer holds goes on its executor, wherever it has ended",
          "[fetch][threads]") {
  const volume v = volume::create().value();
  asio::thread_pool pool(1), on(1), other(1);
  const file_system fs(pool.get_executor(), v);
  const auto here =
      asio::post(on, asio::use_future([] { return std::this_thread::get_id(); })).get();
  std::thread::id ended, gone;
  {
    std::shared_ptr<void> held(nullptr, [&](void*) { gone = std::this_thread::get_id(); });
    fetch_options o;
    o.on = on.get_executor();
    fs.fetch(
        "/f",
        [&, held = std::move(held)](file to) -> asio::awaitable<result<void>> {
          const auto done = co_await to.write(asio::buffer("abc", 3));
          if (!done) co_return done.error();
          co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
          co_await asio::post(asio::bind_executor(other, asio::use_awaitable));
          ended = std::this_thread::get_id();
          co_return boost::outcome_v2::success();
        },
        o, [](const result<follower>&) {});
  }
  pool.join();
  other.join();
  on.join();
  CHECK(gone != ended);
  CHECK(gone == here);
}

TEST_CASE("fetch: the cancellation comes on the producer's executor", "[fetch][threads]") {
  const volume v = volume::create().value();
  asio::thread_pool pool(1), on(1);
  const file_system fs(pool.get_executor(), v);
  const auto thread_of = [](asio::thread_pool& in) {
    return asio::post(in, asio::use_future([] { return std::this_thread::get_id(); })).get();
  };
  std::promise<std::thread::id> stopped;
  fetch_options o;
  o.on = on.get_executor();
  auto f = fs.fetch(
                 "/f",
                 [&](file to) -> asio::awaitable<result<void>> {
                   const auto done = co_await to.write(asio::buffer("abc", 3));
                   done.value();
                   co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
                       [&stopped](auto handler) {
                         auto slot = asio::get_associated_cancellation_slot(handler);
                         auto kept = std::make_shared<decltype(handler)>(std::move(handler));
                         slot.assign([kept, &stopped](asio::cancellation_type) {
                           stopped.set_value(std::this_thread::get_id());
                           asio::post(std::move(*kept));
                         });
                       },
                       asio::use_awaitable);
                   co_return boost::outcome_v2::success();
                 },
                 o, asio::use_future)
               .get();
  REQUIRE(f);
  f = errc::busy;
  CHECK(stopped.get_future().get() == thread_of(on));
  on.join();
  pool.join();
}

}  // namespace coramfs::tests
