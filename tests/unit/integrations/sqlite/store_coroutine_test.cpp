// SPDX-License-Identifier: BSL-1.0
#include <coramfs/blocking_pool.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/sqlite.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include <sqlite3.h>

namespace coramfs::tests {

namespace {

using sqlite::store_kind;

auto sql(const char* text) {
  return [text](sqlite3* db) -> result<void> {
    const int code = sqlite3_exec(db, text, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return std::error_code(code, sqlite::category());
    return success();
  };
}

int count_rows(sqlite3* db) {
  sqlite3_stmt* s = nullptr;
  sqlite3_prepare_v2(db, "SELECT count(*) FROM t", -1, &s, nullptr);
  const int count = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int(s, 0) : -1;
  sqlite3_finalize(s);
  return count;
}

/// Runs a coroutine that is given the context's file system, and throws what it throws.
template <class Body>
void on_context(Body body) {
  asio::io_context context;
  auto fs = file_system::create(context.get_executor()).value();
  std::exception_ptr thrown;
  asio::co_spawn(context, body(context, fs), [&thrown](std::exception_ptr e) { thrown = e; });
  context.run();
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace

TEST_CASE("sqlite store: a coroutine runs work on connections, and resumes at home",
          "[sqlite][store]") {
  const auto kind = GENERATE(store_kind::live, store_kind::hot);
  on_context([kind](asio::io_context&, file_system& fs) -> asio::awaitable<void> {
    const auto home = std::this_thread::get_id();
    sqlite::store store(fs, "/a.db", {.kind = kind});
    auto made = co_await store.run(sql("CREATE TABLE t(x); INSERT INTO t VALUES(1)"));
    CHECK(made.has_value());
    CHECK(std::this_thread::get_id() == home);
    auto where = [](sqlite3*) { return std::this_thread::get_id(); };
    auto elsewhere = co_await store.run(where);
    CHECK(elsewhere.value() != home);
    auto rows = co_await store.run(count_rows);
    CHECK(rows.value() == 1);
    auto wrong = co_await store.run(sql("nonsense"));
    CHECK(error_of(wrong).code() == std::error_code(SQLITE_ERROR, sqlite::category()));
    auto nothing = [](sqlite3*) {};
    auto done = co_await store.run(nothing);
    CHECK(done.has_value());
    auto saved = co_await store.save();
    CHECK(saved.value() == 8192);
    auto copied = co_await store.save("/b.db");
    CHECK(copied.value() == 8192);
    auto closed = co_await store.close();
    CHECK(closed.has_value());
    auto late = co_await store.connect();
    CHECK(error_of(late) == errc::not_open);
  });
}

TEST_CASE("sqlite store: what work throws is thrown to who awaits it", "[sqlite][store]") {
  on_context([](asio::io_context&, file_system& fs) -> asio::awaitable<void> {
    sqlite::store store(fs, "/a.db");
    auto throwing = [](sqlite3*) -> int { throw std::runtime_error("no"); };
    bool was_thrown = false;
    try {
      auto never = co_await store.run(throwing);
      CHECK(!never.has_value());
    } catch (const std::runtime_error&) {
      was_thrown = true;
    }
    CHECK(was_thrown);
    auto closed = co_await store.close();  // the connection has gone
    CHECK(closed.has_value());
  });
}

// With one thread, which a close that blocked it would keep from the work.
TEST_CASE("sqlite store: a close waits without a thread, and may be cancelled", "[sqlite][store]") {
  blocking_pool pool(1);
  on_context([&pool](asio::io_context& context, file_system& fs) -> asio::awaitable<void> {
    sqlite::store store(fs, "/a.db", {.kind = store_kind::hot, .pool = &pool});
    std::optional<sqlite::connection> c;
    {
      auto opened = co_await store.connect();
      c = std::move(opened.value());
    }
    asio::cancellation_signal signal;
    std::optional<result<void>> closed;
    const auto close = [&]() {
      asio::co_spawn(context, store.close(),
                     asio::bind_cancellation_slot(
                         signal.slot(), [&](std::exception_ptr, result<void> r) { closed = r; }));
    };
    const auto turn = [&]() { return asio::post(context, asio::use_awaitable); };
    close();
    co_await turn();
    auto refused = co_await store.connect();
    CHECK(error_of(refused) == errc::not_open);
    CHECK(!closed);
    signal.emit(asio::cancellation_type::all);
    while (!closed) co_await turn();
    CHECK(error_of(*closed) == errc::canceled);
    {
      auto again = co_await store.connect();
      CHECK(again.has_value());
    }
    closed.reset();
    close();
    co_await turn();
    CHECK(sqlite3_exec(c->get(), "CREATE TABLE t(x)", nullptr, nullptr, nullptr) == SQLITE_OK);
    c.reset();
    while (!closed) co_await turn();
    CHECK(closed->has_value());
    auto size = co_await fs.file_size("/a.db");
    CHECK(size.value() == 8192);
  });
}

TEST_CASE("sqlite store: a stopped pool runs nothing", "[sqlite][store]") {
  blocking_pool pool(1);
  pool.stop();
  on_context([&pool](asio::io_context&, file_system& fs) -> asio::awaitable<void> {
    sqlite::store store(fs, "/a.db", {.pool = &pool});
    auto opened = co_await store.connect();
    CHECK(error_of(opened) == errc::canceled);
  });
}

}  // namespace coramfs::tests
