// SPDX-License-Identifier: BSL-1.0
// What only coroutines can see: laziness, suspension, and where they resume.
#include "api/coroutines.hpp"

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>

#include <chrono>
#include <future>
#include <optional>
#include <thread>

namespace coramfs::tests {

namespace {

// Long enough not to fit into what a path is kept in without the heap.
const std::string long_name(200, 'n');

#if defined(__GNUC__)
[[gnu::noinline]] const void* stack_position() { return __builtin_frame_address(0); }
#else
const void* stack_position() { return nullptr; }
#endif

asio::awaitable<bool> dirty_only(export_options options) { co_return options.only_dirty; }

}  // namespace

TEST_CASE("awaitable: one that is dropped has no effect", "[api][coroutines]") {
  asio::io_context context;
  auto fs = file_system::create(context.get_executor()).value();
  const volume& v = fs.get_volume();
  const std::vector<std::string> untouched{"f", "kept"};
  spawn(context, [&]() -> asio::awaitable<void> {
    (co_await fs.write_file("/kept", buffer_of("abc"))).value();
    auto f = (co_await fs.open("/f", open_mode::create)).value();
    {
      const auto open = fs.open("/a", open_mode::create);
      const auto directory = fs.create_directory("/d");
      const auto write_file = fs.write_file("/b", buffer_of("x"));
      const auto removal = fs.remove("/kept");
      const auto write = f.write(buffer_of("x"));
      const auto truncate = f.truncate(100);
    }
    CHECK(f.size().value() == 0);
    const auto names = co_await fs.list("/");
    CHECK(names.value() == untouched);
  });
  context.run();
  CHECK(v.stats().file_count == 2);
  CHECK(v.stats().open_handles == 0);
}

TEST_CASE("awaitable: path arguments are taken over at the call", "[api][coroutines]") {
  asio::io_context context;
  auto fs = file_system::create(context.get_executor()).value();
  const std::vector<std::string> names{"short", long_name};
  spawn(context, [&]() -> asio::awaitable<void> {
    for (const std::string& name : names) {
      std::string path = "/" + name;
      auto open = fs.open(path, open_mode::create);
      auto exists = fs.exists(path);
      path.assign(path.size(), '#');
      path = "/other";
      const auto f = co_await std::move(open);
      CHECK(f.value().path() == "/" + name);
      const auto found = co_await std::move(exists);
      CHECK(found.value());
    }
  });
  context.run();
}

TEST_CASE("awaitable: options and paths as temporaries of the await are safe",
          "[api][coroutines]") {
  asio::io_context context;
  auto fs = file_system::create(context.get_executor()).value();
  spawn(context, [&]() -> asio::awaitable<void> {
    for (int i = 0; i < 3; ++i) {
      const auto n = static_cast<unsigned>(i);
      auto f = co_await fs.open(
          long_name + std::to_string(i), open_mode::create,
          {.preallocate = n, .timeout = std::chrono::seconds(i), .on_full = when_full::reject});
      CHECK(f.value().size().value() == n);
      const auto second =
          co_await fs.open(std::string(long_name) + std::to_string(i), open_mode::append,
                           open_options{.timeout = lock_timeout(std::chrono::milliseconds(i))});
      CHECK(error_of(second) == (i == 0 ? errc::would_block : errc::timed_out));
      f.value().close().value();
      const auto content =
          co_await fs.read_file(long_name + std::to_string(i), std::optional<std::uint64_t>(n));
      CHECK(content.value() == bytes(n));
      const bool dirty = co_await dirty_only({.only_dirty = true});
      CHECK(dirty);
      const bool all = co_await dirty_only(export_options{});
      CHECK(!all);
    }
  });
  context.run();
}

TEST_CASE("awaitable: a million awaits that need not wait grow no stack", "[api][coroutines]") {
  asio::io_context context;
  auto fs = file_system::create(context.get_executor()).value();
  bool done = false;
  spawn(context, [&]() -> asio::awaitable<void> {
    (co_await fs.write_file("/a", buffer_of("x"))).value();
    auto f = (co_await fs.open("/a", open_mode::read)).value();
    char buffer[1];
    const void* const first = stack_position();
    const void* last = nullptr;
    for (int i = 0; i < 1'000'000; ++i) {
      auto n = co_await f.read_at(0, asio::buffer(buffer));
      if (!n || n.value() != 1) throw std::logic_error("a read failed");
      last = stack_position();
    }
    CHECK(first == last);
    for (int i = 0; i < 10'000; ++i) {
      const auto opened = co_await fs.open("/a", open_mode::read);
      if (!opened) throw std::logic_error("an open failed");
      last = stack_position();
    }
    CHECK(first == last);
    done = true;
  });
  CHECK(context.poll_one() == 1);
  CHECK(done);
  context.run();
}

TEST_CASE("awaitable: a coroutine that waited resumes on its own executor, not inside close",
          "[api][coroutines][waiting]") {
  asio::io_context of_file_system, own;
  const auto v = volume::create().value();
  sync::file_system threads(v);
  file_system fs(of_file_system.get_executor(), v);
  auto holder = threads.open("/a", open_mode::create).value();
  const auto strand = asio::make_strand(own);
  bool resumed = false;
  spawn(strand, [&]() -> asio::awaitable<void> {
    const auto f = co_await fs.open("/a", open_mode::read);
    CHECK(f.has_value());
    CHECK(strand.running_in_this_thread());
    CHECK(f.value().get_executor() == asio::any_io_executor(of_file_system.get_executor()));
    resumed = true;
  });
  own.poll();
  CHECK(v.stats().waiting == 1);
  CHECK(!own.stopped());
  holder.close().value();
  CHECK(!resumed);
  of_file_system.poll();
  CHECK(!resumed);
  own.run();
  CHECK(resumed);
  CHECK(v.stats().open_handles == 0);
}

TEST_CASE("awaitable: one coroutine's close does not run the next one's", "[api][coroutines]") {
  asio::io_context context;
  auto fs = file_system::create(context.get_executor()).value();
  std::string order;
  spawn(context, [&]() -> asio::awaitable<void> {
    auto f = (co_await fs.open("/a", open_mode::create)).value();
    order += '1';
    co_await asio::post(asio::use_awaitable);
    f.close().value();
    order += '2';
  });
  spawn(context, [&]() -> asio::awaitable<void> {
    const auto f = (co_await fs.open("/a", open_mode::read)).value();
    order += '3';
  });
  context.run();
  CHECK(order == "123");
}

TEST_CASE("awaitable: a hundred coroutines take turns in the order in which they came",
          "[api][coroutines][fairness]") {
  asio::io_context context;
  auto fs = file_system::create(context.get_executor()).value();
  std::vector<int> order, expected;
  for (int i = 0; i < 100; ++i) {
    expected.push_back(i);
    spawn(context, [&, i]() -> asio::awaitable<void> {
      auto f = (co_await fs.open("/a", open_mode::append)).value();
      order.push_back(i);
      co_await asio::post(asio::use_awaitable);
      (co_await f.write(buffer_of("x"))).value();
    });
  }
  context.run();
  CHECK(order == expected);
  CHECK(fs.get_volume().stats().used_bytes > 0);
}

TEST_CASE("awaitable: the timeout of a wait ends it with a result", "[api][coroutines][waiting]") {
  asio::io_context context;
  auto fs = file_system::create(context.get_executor()).value();
  int timed_out = 0;
  spawn(context, [&]() -> asio::awaitable<void> {
    const auto holder = (co_await fs.open("/a", open_mode::create)).value();
    for (int length = 1; length < 6; length += 2) {
      const auto begin = std::chrono::steady_clock::now();
      const std::chrono::milliseconds longest(length);
      const auto f = co_await fs.open("/a", open_mode::read, {.timeout = longest});
      CHECK(std::chrono::steady_clock::now() - begin >= longest);
      timed_out += error_of(f) == errc::timed_out;
    }
  });
  context.run();
  CHECK(timed_out == 3);
}

TEST_CASE("awaitable: many deadlines at a time end in any order", "[api][coroutines][waiting]") {
  asio::io_context context;
  auto fs = file_system::create(context.get_executor()).value();
  int ended = 0;
  auto holder = sync::file_system(fs.get_volume()).open("/a", open_mode::create).value();
  for (const int length : {7, 3, 9, 1, 5, 3, 8}) {
    spawn(context, [&, length]() -> asio::awaitable<void> {
      const std::chrono::milliseconds longest(length);
      const auto begin = std::chrono::steady_clock::now();
      const auto f = co_await fs.open("/a", open_mode::read, {.timeout = longest});
      CHECK(error_of(f) == errc::timed_out);
      CHECK(std::chrono::steady_clock::now() - begin >= longest);
      ++ended;
    });
  }
  context.run();
  CHECK(ended == 7);
  CHECK(fs.get_volume().stats().waiting == 0);
}

TEST_CASE("awaitable: a deadline ends its wait though one came before that waits for longer",
          "[api][coroutines][waiting]") {
  const lock_timeout longer =
      GENERATE(lock_timeout(std::chrono::hours(1)), lock_timeout::forever());
  asio::io_context context;
  auto fs = file_system::create(context.get_executor()).value();
  auto holder = sync::file_system(fs.get_volume()).open("/a", open_mode::create).value();
  std::optional<error> first, second;
  spawn(context, [&]() -> asio::awaitable<void> {
    const auto f = co_await fs.open("/a", open_mode::read, {.timeout = longer});
    first = error_of(f);
  });
  spawn(context, [&]() -> asio::awaitable<void> {
    const std::chrono::milliseconds soon(1);
    const auto f = co_await fs.open("/a", open_mode::read, {.timeout = soon});
    second = error_of(f);
  });
  while (!second && context.run_one_for(std::chrono::seconds(20)) != 0) {
  }
  CHECK((second && *second == errc::timed_out));
  CHECK(!first);
  holder.close().value();
  context.run();
  CHECK((first && !first->code()));
}

TEST_CASE("awaitable: any operation reaches a completion token through co_spawn",
          "[api][coroutines]") {
  asio::io_context context;
  auto fs = file_system::create(context.get_executor()).value();
  auto made = asio::co_spawn(context, fs.write_file("/a", buffer_of("abc")), asio::use_future);
  auto missing = asio::co_spawn(context, fs.read_file("/missing"), asio::use_future);
  bytes content;
  asio::co_spawn(context, fs.read_file("/a"), [&](std::exception_ptr e, result<bytes> r) {
    rethrow(e);
    content = r.value();
  });
  context.run();
  CHECK(made.get().has_value());
  CHECK(error_of(missing.get()) == errc::not_found);
  CHECK(text_of(content) == "abc");
}

TEST_CASE("awaitable: a destroyed coroutine closes its file", "[api][coroutines][close]") {
  const auto v = volume::create().value();
  {
    asio::io_context context;
    file_system fs(context.get_executor(), v);
    asio::steady_timer never(context, std::chrono::steady_clock::time_point::max());
    spawn(context, [&]() -> asio::awaitable<void> {
      const auto f = (co_await fs.open("/a", open_mode::create)).value();
      co_await never.async_wait(asio::use_awaitable);
    });
    context.poll();
    CHECK(v.stats().open_handles == 1);
  }
  CHECK(v.stats().open_handles == 0);
  CHECK(sync::file_system(v)
            .open("/a", open_mode::update, {.timeout = lock_timeout::immediate()})
            .has_value());
}

TEST_CASE("awaitable: a file works without its context where nothing waits",
          "[api][coroutines][close]") {
  asio::io_context another;
  result<file> f;
  {
    asio::io_context context;
    auto fs = file_system::create(context.get_executor()).value();
    spawn(context,
          [&]() -> asio::awaitable<void> { f = co_await fs.open("/a", open_mode::create); });
    context.run();
  }
  spawn(another, [&]() -> asio::awaitable<void> {
    const auto written = co_await f.value().write(buffer_of("abc"));
    CHECK(written.value() == 3);
    const auto cut = co_await f.value().truncate(2);
    CHECK(cut.value() == 2);
  });
  another.run();
  CHECK(f.value().size().value() == 2);
  f.value().close().value();
}

TEST_CASE("awaitable: of two that make a large file at once the slower finds the other's",
          "[api][coroutines][open]") {
  asio::io_context context;
  auto fs = file_system::create(context.get_executor()).value();
  const auto mode = GENERATE(open_mode::create, open_mode::append);
  std::vector<error> ends;
  open_options options;
  options.preallocate = 5 * 1024 * 1024;
  const auto make = [&]() -> asio::awaitable<void> {
    auto f = co_await fs.open("/a", mode, options);
    ends.push_back(error_of(f));
    if (f) co_await f.value().write(buffer_of("x"));
  };
  spawn(context, make);
  spawn(context, make);
  context.run();
  REQUIRE(ends.size() == 2);
  CHECK(!ends[0].code());
  const bool creates = mode == open_mode::create;
  CHECK((creates ? ends[1] == errc::already_exists : !ends[1].code()));
  const std::uint64_t written = creates ? 0 : 2;  // else inside of what is there
  CHECK(sync::file_system(fs.get_volume()).file_size("/a").value() ==
        options.preallocate + written);
  CHECK(fs.get_volume().stats().file_count == 1);
  CHECK(fs.get_volume().stats().open_handles == 0);
}

}  // namespace coramfs::tests
