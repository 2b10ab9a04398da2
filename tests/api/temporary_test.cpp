// SPDX-License-Identifier: BSL-1.0
// A buffer that is given as a temporary, to an operation that runs when the temporary has gone.
#include "api/coroutines.hpp"

#include <asio/use_future.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace coramfs::tests {

namespace {

// What is returned is an awaitable as of all operations.
static_assert(std::is_same_v<decltype(std::declval<file&>().write(bytes())),
                             asio::awaitable<result<std::size_t>>>);

struct fixture {
  explicit fixture(volume_options options = {}) : v(volume::create(std::move(options)).value()) {
    threads.write_file("/a", buffer_of("")).value();
    auto opened = fs.open("/a", open_mode::write, {}, asio::use_future);
    context.run();
    f = opened.get().value();
  }
  void run() {
    context.restart();
    context.run();
  }
  std::string content() {
    f.close().value();
    return text_of(threads.read_file("/a").value());
  }

  asio::io_context context;
  volume v;
  file_system fs{context.get_executor(), v};
  sync::file_system threads{v};
  file f;
};

bytes many(char c) { return bytes(5'000, static_cast<std::byte>(c)); }

}  // namespace

TEST_CASE("temporary: a buffer whose write is spawned is stored when it has gone",
          "[api][write][temporary]") {
  fixture t;
  auto written = asio::co_spawn(t.context, t.f.write(many('x')), asio::use_future);
  t.run();
  CHECK(written.get().value() == 5'000);
  CHECK(t.content() == std::string(5'000, 'x'));
}

TEST_CASE("temporary: a buffer whose write is kept is stored when it has gone",
          "[api][write][temporary]") {
  fixture t;
  spawn(t.context, [&]() -> asio::awaitable<void> {
    auto write = t.f.write(many('x'));
    const bytes other = many('y');  // where the temporary was, perhaps
    const auto n = co_await std::move(write);
    CHECK(n.value() == 5'000);
    CHECK(other == many('y'));
  });
  t.run();
  CHECK(t.content() == std::string(5'000, 'x'));
}

TEST_CASE("temporary: a write that fails within the expression leaves the caller's buffer",
          "[api][write][temporary]") {
  fixture t({.max_quota = 4'000, .accounting = accounting::payload});
  bytes mine = many('x');
  const auto* const data = mine.data();
  spawn(t.context, [&]() -> asio::awaitable<void> {
    const auto n = co_await t.f.write(std::move(mine));
    CHECK(error_of(n) == errc::quota_exceeded);
    CHECK(mine == many('x'));
    CHECK(mine.data() == data);
  });
  t.run();
  // Spawned, it has the buffer, and lets it go.
  auto refused = asio::co_spawn(t.context, t.f.write(std::move(mine)), asio::use_future);
  CHECK(mine.empty());
  mine = bytes_of("new");
  t.run();
  CHECK(error_of(refused.get()) == errc::quota_exceeded);
  CHECK(text_of(mine) == "new");
  CHECK(t.content().empty());
}

TEST_CASE("temporary: a write that is dropped has no effect", "[api][write][temporary]") {
  fixture t;
  bytes mine = many('x');
  const auto* const data = mine.data();
  (void)t.f.write(std::move(mine));
  CHECK(mine == many('x'));
  CHECK(mine.data() == data);
  (void)t.f.write(many('y'));
  CHECK(t.content().empty());
}

}  // namespace coramfs::tests
