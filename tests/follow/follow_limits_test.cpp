// SPDX-License-Identifier: BSL-1.0
// What the calls of a follower take at most: of the offsets that there are, of a pin, of a thread.
#include "api/sliced_operation.hpp"
#include "follow/facades.hpp"
#include "support/describe.hpp"

#include <asio/buffer.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

constexpr std::size_t large = 16 << 20;  // bytes: sixteen slices
using facades = std::tuple<by_threads, by_coroutines, by_tokens>;

std::size_t runs_of(const pinned& p) {
  return static_cast<std::size_t>(
      std::distance(asio::buffer_sequence_begin(p), asio::buffer_sequence_end(p)));
}

/// A followable file of so many bytes, which is finished.
sync::file finished_file(sync::file_system& fs, const std::string& path, std::size_t size) {
  auto w = fs.open(path, open_mode::write, {.followable = true}).value();
  for (std::size_t done = 0; done < size; done += 1 << 20)
    w.write(std::string(std::min<std::size_t>(size - done, 1 << 20), 'x')).value();
  w.finish().value();
  return w;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("follow: a position that no file reaches waits as any other",
                        "[follow][api]", facades) {
  const volume v = volume::create().value();
  TestType on(v);
  sync::file_system threads(v);
  auto w = threads.open("/f", open_mode::write, {.followable = true}).value();
  w.write(std::string(1000, 'x')).value();
  const std::uint64_t before_last = GENERATE(0u, 10u, 65'536u);
  const std::uint64_t from = std::numeric_limits<std::uint64_t>::max() - before_last;
  auto f =
      on([&](auto&... end) {
        return on.fs.follow("/f", {.from = from, .patience = std::chrono::milliseconds(1)}, end...);
      }).value();
  std::string to(100, '\0');
  const auto next = [&](auto&... end) { return f.next(1 << 20, end...); };
  const auto read = [&](auto&... end) { return f.read(asio::buffer(to), end...); };
  CHECK(error_of(on(next)) == errc::timed_out);
  CHECK(error_of(on(read)) == errc::timed_out);
  w.finish().value();
  CHECK(on(next).value().size() == 0);
  CHECK(on(read).value() == 0);
  CHECK(f.position() == from);
}

TEST_CASE("follow: others run while a follower reads much", "[follow][slices]") {
  sliced_operation t;
  const bool is_growing = GENERATE(true, false);
  auto w = finished_file(t.threads, "/f", large);
  if (!is_growing) w.close().value();
  std::function<asio::awaitable<void>(follower&)> read;
  int least = 0;
  SECTION("in one go") {
    least = 10;
    read = [](follower& f) -> asio::awaitable<void> {
      std::string to(large + 1, '\0');
      const auto n = co_await f.read(asio::buffer(to));
      CHECK(n.value() == large);
      CHECK(to == std::string(large, 'x') + '\0');
      CHECK(f.position() == large);
    };
  }
  SECTION("by many long pins") {
    least = 2;
    read = [](follower& f) -> asio::awaitable<void> {
      for (;;) {
        const auto piece = co_await f.next((1 << 20) + 1);
        if (piece.value().size() == 0) break;
      }
      CHECK(f.position() == large);
    };
  }
  CHECK(t.turns_during([&]() -> asio::awaitable<void> {
    auto f = co_await t.fs.follow("/f");
    co_await read(f.value());
  }) >= least);
}

TEST_CASE("follow: a read that is cancelled between two slices leaves the position",
          "[follow][slices]") {
  sliced_operation t;
  const auto w = finished_file(t.threads, "/f", large);
  std::string to(large, '\0');
  follower f;
  const error seen = t.canceled_at<std::size_t>(4, [&]() -> asio::awaitable<result<std::size_t>> {
    auto opened = co_await t.fs.follow("/f", {.from = 1});
    f = std::move(opened).value();
    auto n = co_await f.read(asio::buffer(to));
    co_return n;
  });
  CHECK(seen == errc::canceled);
  CHECK(t.turns_after < 5);
  CHECK(f.position() == 1);
}

TEST_CASE("follow: a pin is in no more than 32 runs", "[follow][api]") {
  const auto layout = GENERATE(storage_layout::sequential, storage_layout::random_access);
  sync::file_system fs(volume::create({.default_storage = layout}).value());
  const std::size_t hole = layout == storage_layout::random_access ? 5 << 20 : 0;
  {
    auto f = fs.open("/f", open_mode::write).value();
    f.write(std::string(100, 'x')).value();
    f.truncate(hole + 100).value();
  }
  auto w = fs.open("/f", open_mode::append, {.followable = true}).value();
  w.write(std::string(8 << 20, 'y')).value();
  const std::string all =
      std::string(100, 'x') + std::string(hole, '\0') + std::string(8 << 20, 'y');
  const auto check = [&] {
    auto f = fs.follow("/f").value();
    std::string seen;
    for (;;) {
      const pinned p = f.next(64 << 20).value();
      if (p.size() == 0) break;
      REQUIRE(runs_of(p) <= 32);
      std::string piece(p.size(), '\0');
      asio::buffer_copy(asio::buffer(piece), p);
      seen += piece;
    }
    CHECK((seen == all));
  };
  w.finish().value();
  check();
  w.close().value();
  check();
}

}  // namespace coramfs::tests
