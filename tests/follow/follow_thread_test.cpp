// SPDX-License-Identifier: BSL-1.0
// Threads that follow what another one writes.
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "support/seeds.hpp"

#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/use_future.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

char at(std::uint64_t offset) { return static_cast<char>('a' + (offset * 31 + offset / 509) % 26); }

std::string text(std::uint64_t begin, std::uint64_t size) {
  std::string all(size, '\0');
  for (std::uint64_t i = 0; i < size; ++i) all[i] = at(begin + i);
  return all;
}

template <class Buffers>
bool is_right(std::uint64_t begin, const Buffers& bytes) {
  for (auto i = asio::buffer_sequence_begin(bytes); i != asio::buffer_sequence_end(bytes); ++i) {
    const asio::const_buffer b(*i);
    const auto* const data = static_cast<const char*>(b.data());
    for (std::size_t k = 0; k < b.size(); ++k)
      if (data[k] != at(begin++)) return false;
  }
  return true;
}

/// How one follower has ended: how many bytes it has seen, and whether they were right.
struct outcome {
  std::uint64_t seen = 0;
  bool is_right = true;
  error why{std::error_code()};
};

outcome follow_to_the_end(sync::file_system fs, std::size_t number) {
  outcome o;
  auto f = fs.follow("/f", {.at_least = 1 + number * 1000}).value();
  std::string to(10'000 + number, '\0');
  for (;;) {
    std::size_t count = 0;
    if (number % 2 == 0) {
      auto piece = f.next(20'000 + number);
      if (!piece) {
        o.why = piece.error();
        return o;
      }
      count = piece.value().size();
      o.is_right = o.is_right && is_right(o.seen, piece.value());
    } else {
      auto done = f.read(asio::buffer(to));
      if (!done) {
        o.why = done.error();
        return o;
      }
      count = done.value();
      o.is_right = o.is_right && is_right(o.seen, asio::buffer(to.data(), count));
    }
    if (count == 0) return o;
    o.seen += count;
  }
}

asio::awaitable<outcome> follow_by_coroutine(file_system fs, std::size_t number) {
  outcome o;
  follow_options options;
  options.at_least = 1 + number * 1000;
  auto followed = co_await fs.follow("/f", options);
  follower f = std::move(followed).value();
  for (;;) {
    auto piece = co_await f.next(20'000 + number);
    if (!piece) {
      o.why = piece.error();
      co_return o;
    }
    o.is_right = o.is_right && is_right(o.seen, piece.value());
    if (piece.value().size() == 0) co_return o;
    o.seen += piece.value().size();
  }
}

}  // namespace

TEST_CASE("follow: threads and coroutines read all that another thread writes",
          "[follow][threads]") {
  const auto layout = GENERATE(storage_layout::sequential, storage_layout::random_access);
  const bool abandons = GENERATE(false, true);
  constexpr std::size_t followers = 4;
  for (std::uint64_t round = 0; round < 20; ++round) {
    sync::file_system fs(volume::create({.default_storage = layout}).value());
    auto w = fs.open("/f", open_mode::create, {.followable = true}).value();
    asio::io_context context;
    const file_system on_context(context.get_executor(), fs.get_volume());
    std::vector<std::future<outcome>> all;
    for (std::size_t i = 0; i < followers; ++i) {
      all.push_back(std::async(std::launch::async, follow_to_the_end, fs, i));
      all.push_back(asio::co_spawn(context, follow_by_coroutine(on_context, i), asio::use_future));
    }
    // All have joined before the end, since abandoned files have no name to be followed by.
    while (context.poll() == 0) {
    }
    while (fs.stats().value().open_handles < 1 + 2 * followers) {
      context.poll();
      std::this_thread::yield();
    }
    std::thread runs([&] { context.run(); });
    std::uint64_t size = 0;
    for (std::uint64_t i = 0; i < 200; ++i) {
      const std::uint64_t count =
          1 + (i * 7919 + round * 104'729) % (i % 50 == 49 ? 200'000 : 3000);
      const std::string piece = text(size, count);
      (i % 3 == 0 ? w.write(bytes_of(piece)) : w.write(piece)).value();
      size += count;
    }
    abandons ? w.abandon().value() : w.finish().value();
    if (!abandons) {
      // From here on it is an ordinary file, which others change.
      w.close().value();
      auto u = fs.open("/f", open_mode::update).value();
      u.write(std::string(50'000, '!')).value();
      u.truncate(100).value();
    }
    for (auto& f : all) {
      const outcome o = f.get();
      CHECK(o.is_right);
      CHECK(o.seen == size);
      CHECK((abandons ? o.why == errc::abandoned : !o.why.code()));
    }
    runs.join();
    if (!abandons) fs.remove("/f").value();
    CHECK(fs.stats().value().used_bytes == 0);
  }
}

TEST_CASE("follow: who joins while the file ends sees a whole one, or none", "[follow][threads]") {
  const bool abandons = GENERATE(false, true);
  for (int round = 0; round < 300; ++round) {
    sync::file_system fs(volume::create().value());
    auto w = fs.open("/f", open_mode::create, {.followable = true}).value();
    w.write(std::string("content")).value();
    std::atomic<bool> goes = false;
    error joined{std::error_code()}, ended{std::error_code()};
    std::size_t seen = 0;
    std::thread joins([&] {
      goes = true;
      auto f = fs.follow("/f", {.at_least = 1});
      joined = error_of(f);
      if (!f) return;
      seen = f.value().next().value().size();
      const auto end = f.value().next();
      ended = error_of(end);
      if (end) seen += end.value().size();
    });
    while (!goes) std::this_thread::yield();
    abandons ? w.abandon().value() : w.finish().value();
    if (!abandons) w.close().value();
    joins.join();
    if (joined.code()) {
      CHECK((abandons && joined == errc::not_found));
    } else {
      CHECK(seen == 7);
      CHECK((abandons ? ended == errc::abandoned : !ended.code()));
    }
    CHECK(fs.exists("/f").value() != abandons);
  }
}

}  // namespace coramfs::tests
