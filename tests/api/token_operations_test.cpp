// SPDX-License-Identifier: BSL-1.0
// Every operation with completion tokens. What operations do with them is seen in the scenarios,
// which run over tests/api/token_facade.cpp, too.
#include <coramfs/rw_lock.hpp>

#include "api/coroutines.hpp"
#include "api/token_fixture.hpp"
#include "api/tokens.hpp"
#include "support/await_waiting.hpp"

#include <asio/bind_executor.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

/// Calls `visit(name, call)` for each operation, in an order in which all succeed; `call(token)`
/// calls the operation. Some are there twice, the second time with what may be left out.
template <class Visit>
void for_each_operation(file_system& fs, file& f, Visit visit) {
  static std::array<char, 3> room{};
  const auto to = asio::buffer(room);
  const auto from = asio::const_buffer("xyz", 3);
  const auto time = std::chrono::system_clock::now();
  visit("create_directory", [&](auto&& t) { return fs.create_directory("/d", t); });
  visit("create_directories", [&](auto&& t) { return fs.create_directories("/d/e/f", t); });
  visit("write_file", [&](auto&& t) { return fs.write_file("/d/a", from, t); });
  visit("write_file", [&](auto&& t) { return fs.write_file("/d/b", "xyz", t); });
  visit("write_text", [&](auto&& t) { return fs.write_text("/d/c", "xyz", t); });
  visit("rename", [&](auto&& t) { return fs.rename("/d/b", "/d/b2", t); });
  visit("rename", [&](auto&& t) { return fs.rename("/d/b2", "/d/c", if_exists::replace, t); });
  visit("move", [&](auto&& t) { return fs.move("/d/c", "/m/c", t); });
  visit("move", [&](auto&& t) { return fs.move("/m/c", "/d/a", if_exists::replace, t); });
  visit("copy", [&](auto&& t) { return fs.copy("/d/a", "/d/b", t); });
  visit("copy", [&](auto&& t) { return fs.copy("/d/a", "/d/b", if_exists::replace, t); });
  visit("copy_tree", [&](auto&& t) { return fs.copy_tree("/d", "/copy", t); });
  visit("list", [&](auto&& t) { return fs.list("/d", t); });
  visit("list_entries", [&](auto&& t) { return fs.list_entries("/d", t); });
  visit("list_some", [&](auto&& t) { return fs.list_some("/d", "a", 10, t); });
  visit("walk", [&](auto&& t) { return fs.walk("/d", t); });
  visit("walk", [&](auto&& t) { return fs.walk(t); });
  visit("glob", [&](auto&& t) { return fs.glob("/**", t); });
  visit("exists", [&](auto&& t) { return fs.exists("/d", t); });
  visit("is_file", [&](auto&& t) { return fs.is_file("/d", t); });
  visit("is_directory", [&](auto&& t) { return fs.is_directory("/d", t); });
  visit("stat", [&](auto&& t) { return fs.stat("/d", t); });
  visit("set_modified", [&](auto&& t) { return fs.set_modified("/d", time, t); });
  visit("file_size", [&](auto&& t) { return fs.file_size("/d/a", t); });
  visit("read_file", [&](auto&& t) { return fs.read_file("/d/a", t); });
  visit("read_file", [&](auto&& t) { return fs.read_file("/d/a", 100, t); });
  visit("read_text", [&](auto&& t) { return fs.read_text("/d/a", t); });
  visit("read_text", [&](auto&& t) { return fs.read_text("/d/a", 100, t); });
  visit("export_tree", [&](auto&& t) { return fs.export_tree("/d", t); });
  visit("export_tree", [&](auto&& t) { return fs.export_tree("/d", {.only_dirty = true}, t); });
  visit("open_unnamed", [&](auto&& t) { return fs.open_unnamed(t); });
  visit("open_unnamed", [&](auto&& t) { return fs.open_unnamed(open_options(), t); });
  static std::map<std::string, file> none;
  visit("give_names", [&](auto&& t) { return fs.give_names(none, t); });
  visit("give_names", [&](auto&& t) { return fs.give_names(none, {"/named"}, t); });
  visit("give_names", [&](auto&& t) { return fs.give_names(none, {}, naming_options(), t); });
  visit("import_tree", [&](auto&& t) { return fs.import_tree({{"/i/a", bytes(3)}}, t); });
  visit("stats", [&](auto&& t) { return fs.stats(t); });
  visit("remove", [&](auto&& t) { return fs.remove("/d/a", t); });
  visit("remove_directory", [&](auto&& t) { return fs.remove_directory("/d/e/f", t); });
  visit("remove_tree", [&](auto&& t) { return fs.remove_tree("/d", t); });
  visit("open", [&](auto&& t) { return fs.open("/o", open_mode::create, t); });
  visit("open", [&](auto&& t) { return fs.open("/o", open_mode::write, at_once, t); });
  visit("write", [&](auto&& t) { return f.write(from, t); });
  visit("write", [&](auto&& t) { return f.write("xyz", t); });
  visit("write", [&](auto&& t) { return f.write(bytes(3), t); });
  visit("write_at", [&](auto&& t) { return f.write_at(1, from, t); });
  visit("write_at", [&](auto&& t) { return f.write_at(1, "xyz", t); });
  visit("read", [&](auto&& t) { return f.read(to, t); });
  visit("read_at", [&](auto&& t) { return f.read_at(1, to, t); });
  visit("read_all", [&](auto&& t) { return f.read_all(t); });
  visit("truncate", [&](auto&& t) { return f.truncate(2, t); });
  visit("truncate", [&](auto&& t) { return f.truncate(t); });
  visit("reserve", [&](auto&& t) { return f.reserve(100, t); });
  visit("punch_hole", [&](auto&& t) { return f.punch_hole(10, 10, t); });
  visit("prepare", [&](auto&& t) { return f.prepare(100, t); });
}

}  // namespace

// One handler for both, since each kind of token takes long to compile.
TEST_CASE("token operations: a callback is called later, on its executor, its memory given back",
          "[api][tokens]") {
  open_file_fixture t;
  auto strand = asio::make_strand(t.context);
  for_each_operation(t.fs, t.f, [&](const char* name, auto call) {
    INFO(name);
    counts c;
    std::optional<bool> good;
    std::optional<int> live;
    const auto take = [&](auto r) {
      good = r.has_value() && strand.running_in_this_thread();
      live = c.live.load();
    };
    call(asio::bind_executor(strand, allocating{take, &c}));
    CHECK(!good);
    CHECK(c.allocations > 0);
    t.run();
    CHECK(good == true);
    CHECK(live == 0);
    CHECK(c.live == 0);
  });
}

TEST_CASE("token operations: a future gives what was read", "[api][tokens]") {
  open_file_fixture t;
  auto content = t.fs.read_text("/a", asio::use_future);
  auto size = t.f.write("xyz", asio::use_future);
  auto missing = t.fs.stat("/missing", asio::use_future);
  t.run();
  CHECK(content.get().value() == "abc");
  CHECK(size.get().value() == 3);
  CHECK(error_of(missing.get()) == errc::not_found);
}

TEST_CASE("token operations: a deferred one begins when it is launched", "[api][tokens]") {
  open_file_fixture t;
  const auto content = [&] {
    const volume_stats s = t.v.stats();
    return s.file_count + s.directory_count + s.used_bytes + s.open_handles;
  };
  for_each_operation(t.fs, t.f, [&](const char* name, auto call) {
    INFO(name);
    const auto before = content();
    const auto cursor = t.f.tell().value();
    auto begin = call(deferred);
    t.run();
    CHECK(content() == before);
    CHECK(t.f.tell().value() == cursor);
    bool good = false;
    std::move(begin)([&](auto r) { good = r.has_value(); });
    t.run();
    CHECK(good);
  });
}

TEST_CASE("token operations: a coroutine on another executor awaits each", "[api][tokens]") {
  open_file_fixture t;
  using executor = asio::io_context::executor_type;
  for_each_operation(t.fs, t.f, [&](const char* name, auto call) {
    INFO(name);
    bool good = false;
    asio::co_spawn(
        t.context,
        [&]() -> asio::awaitable<void, executor> {
          const asio::use_awaitable_t<executor> token;
          const auto r = co_await call(token);
          good = r.has_value();
        },
        rethrow);
    t.run();
    CHECK(good);
  });
}

TEST_CASE("token operations: use_awaitable is the coroutine itself", "[api][tokens]") {
  open_file_fixture t;
  int good = 0;
  spawn(t.context, [&]() -> asio::awaitable<void> {
    const auto status = co_await t.fs.stat("/a", asio::use_awaitable);
    const auto content = co_await t.fs.read_file("/a", asio::use_awaitable);
    const auto size = co_await t.f.write("xyz", asio::use_awaitable);
    good = status && content && size ? 1 : 0;
  });
  // It does not suspend.
  t.context.run_one();
  CHECK(good == 1);
  t.run();
}

TEST_CASE("token operations: a handler that is passed as a variable stays there", "[api][tokens]") {
  open_file_fixture t;
  int calls = 0;
  const auto alive = std::make_shared<int>(0);
  auto count = [&calls, alive](auto) { ++calls; };
  t.fs.stat("/a", count);
  t.f.reserve(10, count);
  auto count_stream = [&calls, alive](asio_error_code, std::size_t) { ++calls; };
  t.f.async_write_some(buffer_of("xyz"), count_stream);
  t.f.async_read_some(asio::mutable_buffer(), count_stream);
  CHECK(alive.use_count() > 2);
  t.run();
  CHECK(calls == 4);
  CHECK(alive.use_count() == 3);
}

TEST_CASE("token operations: without a token they mean what they did", "[api][tokens]") {
  file_system* fs = nullptr;
  file* f = nullptr;
  // None of these is taken for a completion token.
  STATIC_REQUIRE(std::is_same_v<decltype(fs->walk("/a")), decltype(fs->walk())>);
  STATIC_REQUIRE(std::is_same_v<decltype(fs->walk(std::string())), decltype(fs->walk())>);
  STATIC_REQUIRE(std::is_same_v<decltype(fs->rename("", "", if_exists::replace)),
                                asio::awaitable<result<void>>>);
  STATIC_REQUIRE(std::is_same_v<decltype(fs->read_file("", 100)), asio::awaitable<result<bytes>>>);
  STATIC_REQUIRE(
      std::is_same_v<decltype(fs->open("", open_mode::read, {})), asio::awaitable<result<file>>>);
  STATIC_REQUIRE(std::is_same_v<decltype(fs->export_tree("/", {.only_dirty = true})),
                                asio::awaitable<result<file_map>>>);
  STATIC_REQUIRE(
      std::is_same_v<decltype(f->truncate(100)), asio::awaitable<result<std::uint64_t>>>);
  STATIC_REQUIRE(std::is_same_v<decltype(f->write(bytes())), asio::awaitable<result<std::size_t>>>);
}

TEST_CASE("token operations: a moved-in buffer is the operation's, also where it fails",
          "[api][tokens]") {
  open_file_fixture t;
  t.f.close().value();
  bytes content(100);
  error seen = std::error_code();
  t.f.write(std::move(content),
            asio::bind_executor(t.context, [&](result<std::size_t> r) { seen = r.error(); }));
  CHECK(content.empty());
  t.run();
  CHECK(seen == errc::not_open);
  CHECK(content.empty());
}

TEST_CASE("token operations: threads run chains of them, and a signal ends some",
          "[api][tokens][threads]") {
  asio::thread_pool pool(3);
  const auto v = volume::create().value();
  file_system fs(pool.get_executor(), v);
  constexpr int chains = 6, rounds = 60;

  // Held until a chain has been cancelled that waits for it.
  struct {
    sync::file file;
    std::once_flag once;

    void close() {
      std::call_once(once, [this] { file.close().value(); });
    }
  } holder{sync::file_system(v).open("/shared", open_mode::create).value(), {}};

  /// One after the other on a strand of its own, with a directory of its own and a file that all
  /// share.
  struct chain {
    file_system fs;
    std::string own;
    std::function<void()> let_others_in;
    asio::strand<asio::thread_pool::executor_type> strand;
    asio::cancellation_signal signal;
    file f;
    int left = rounds, canceled = 0, failed = 0;

    auto then(void (chain::*next)()) {
      return asio::bind_executor(strand,
                                 asio::bind_cancellation_slot(signal.slot(), [this, next](auto r) {
                                   if (!r) {
                                     ++(r.error() == errc::canceled ? canceled : failed);
                                     let_others_in();
                                   }
                                   (this->*next)();
                                 }));
    }
    void begin() { fs.create_directories(own + "/d/e", then(&chain::write)); }
    void write() { fs.write_file(own + "/d/e/a", "content", then(&chain::share)); }
    void share() {
      fs.write_file("/shared", own, then(&chain::read));
      // It waits or has ended: the handler is called all the same.
      if (left % 4 == 0) signal.emit(asio::cancellation_type::total);
    }
    void read() { fs.read_file("/shared", then(&chain::copy)); }
    void copy() { fs.copy_tree(own + "/d", own + "/c", then(&chain::open)); }
    void open() {
      fs.open(own + "/c/e/a", open_mode::update,
              asio::bind_executor(strand, [this](result<file> r) {
                f = std::move(r).value();
                f.write_at(0, "CONTENT", then(&chain::reread));
              }));
    }
    void reread() { f.read_all(then(&chain::close)); }
    void close() {
      f.close().value();
      fs.remove_tree(own, then(&chain::again));
    }
    void again() {
      if (--left > 0) begin();
    }
  };
  std::vector<std::unique_ptr<chain>> all;
  for (int i = 0; i < chains; ++i) {
    all.push_back(std::unique_ptr<chain>(new chain{fs,
                                                   "/own" + std::to_string(i),
                                                   [&holder] { holder.close(); },
                                                   asio::make_strand(pool.get_executor()),
                                                   {},
                                                   {}}));
    chain& c = *all.back();
    asio::post(c.strand, [&c] { c.begin(); });
  }
  pool.join();
  int canceled = 0;
  for (const auto& c : all) {
    CHECK(c->left == 0);
    CHECK(c->failed == 0);
    CHECK(c->canceled <= rounds / 4);
    canceled += c->canceled;
  }
  CHECK(canceled > 0);
  const volume_stats s = v.stats();
  CHECK(s.waiting == 0);
  CHECK(s.open_handles == 0);
  CHECK(s.file_count == 1);
  CHECK(s.directory_count == 1);
}

TEST_CASE("token operations: an awaited result is taken apart", "[api][tokens]") {
  open_file_fixture t;
  std::string seen;
  spawn(t.context, [&]() -> asio::awaitable<void> {
    auto [ec, f] = co_await t.fs.open("/a", open_mode::read);
    if (!ec && f.is_open()) seen += "open ";
    auto [missing, none] = co_await t.fs.open("/missing", open_mode::read);
    if (missing == errc::not_found && !none.is_open()) seen += "missing ";
    auto [removed] = co_await t.fs.remove("/missing");
    if (removed) seen += "not removed ";
    const auto token = as_tuple(asio::use_awaitable);
    auto [r] = co_await t.fs.stat("/a", token);
    if (r.value().size == 3) seen += "stat";
  });
  t.run();
  CHECK(seen == "open missing not removed stat");
}

TEST_CASE("token operations: the timeout of an rw_lock may be left out", "[api][tokens][rw_lock]") {
  rw_lock lock;
  CHECK(lock.acquire(asio::use_future).get().has_value());
  CHECK(lock.acquire_shared(asio::use_future).get().has_value());
}

}  // namespace coramfs::tests
