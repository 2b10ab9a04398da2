// SPDX-License-Identifier: BSL-1.0
#include <coramfs/sqlite.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/await_waiting.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/sqlite/database.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

using sqlite::store_kind;

int run(const sqlite::connection& by, const std::string& sql) {
  return sqlite3_exec(by.get(), sql.c_str(), nullptr, nullptr, nullptr);
}

std::string ask(sqlite3* db, const char* sql) {
  sqlite3_stmt* s = nullptr;
  sqlite3_prepare_v2(db, sql, -1, &s, nullptr);
  std::string text = sqlite3_step(s) == SQLITE_ROW
                         ? reinterpret_cast<const char*>(sqlite3_column_text(s, 0))
                         : sqlite3_errmsg(db);
  sqlite3_finalize(s);
  return text;
}

/// What a file has, by a connection of its own.
std::string in_file(const sync::file_system& fs, const std::string& path) {
  const auto vfs = sqlite::vfs::create(fs.get_volume()).value();
  return database(vfs.uri(path), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI)
      .ask("SELECT group_concat(x) FROM t");
}

}  // namespace

TEST_CASE("sqlite store: what connections commit is there for the next", "[sqlite][store]") {
  sync::file_system fs(volume::create().value());
  const auto kind = GENERATE(store_kind::live, store_kind::hot);
  sqlite::sync::store store(fs, "/a.db", {.kind = kind});
  {
    const auto a = store.connect().value(), b = store.connect().value();
    REQUIRE(run(a, "CREATE TABLE t(x); INSERT INTO t VALUES(1)") == SQLITE_OK);
    REQUIRE(run(b, "INSERT INTO t VALUES(2)") == SQLITE_OK);
    CHECK(fs.exists("/a.db").value() == (kind == store_kind::live));
    const std::uint64_t size = store.save().value();
    CHECK(size == fs.file_size("/a.db").value());
    REQUIRE(run(a, "INSERT INTO t VALUES(3)") == SQLITE_OK);
  }
  CHECK(in_file(fs, "/a.db") == "1,2,3");
  CHECK(fs.list("/").value() == std::vector<std::string>{"a.db"});
  CHECK(store.run([](sqlite3* db) { return ask(db, "SELECT max(x) FROM t"); }).value() == "3");
  CHECK(store.close());
  CHECK(error_of(store.connect()) == errc::not_open);
  CHECK(store.close());
  CHECK(fs.stats().value().open_handles == 0);
}

TEST_CASE("sqlite store: a hot one saves nothing where nothing was changed", "[sqlite][store]") {
  sync::file_system fs(volume::create().value());
  sqlite::sync::store store(fs, "/a.db", {.kind = store_kind::hot});
  REQUIRE(run(store.connect().value(), "CREATE TABLE t(x); INSERT INTO t VALUES(1)") == SQLITE_OK);
  const auto id = fs.stat("/a.db").value().id;
  CHECK(ask(store.connect().value().get(), "SELECT x FROM t") == "1");
  CHECK(fs.stat("/a.db").value().id == id);
  REQUIRE(run(store.connect().value(), "INSERT INTO t VALUES(2)") == SQLITE_OK);
  CHECK(fs.stat("/a.db").value().id != id);
}

TEST_CASE("sqlite store: a copy in another file is compact and replaces it", "[sqlite][store]") {
  sync::file_system fs(volume::create().value());
  const auto kind = GENERATE(store_kind::live, store_kind::hot);
  sqlite::sync::store store(fs, "/it's.db", {.kind = kind});
  fs.write_text("/copy.db", "old").value();
  auto a = store.connect().value();
  REQUIRE(run(a, "CREATE TABLE t(x); INSERT INTO t VALUES(1)") == SQLITE_OK);
  CHECK(store.save("/copy.db").value() == 8192);
  CHECK(in_file(fs, "/copy.db") == "1");
  REQUIRE(run(a, "INSERT INTO t VALUES(2)") == SQLITE_OK);
  CHECK(in_file(fs, "/copy.db") == "1");
  CHECK(error_of(store.save("/missing/copy.db")) == errc::not_found);
  CHECK(store.save("/copy.db"));
  CHECK(in_file(fs, "/copy.db") == "1,2");
  a = sqlite::connection();
  CHECK(in_file(fs, "/it's.db") == "1,2");  // a copy elsewhere is no save
}

TEST_CASE("sqlite store: a copy in another file that finds no room says by how much",
          "[sqlite][store]") {
  volume v = volume::create({.accounting = accounting::payload}).value();
  sync::file_system fs(v);
  const auto kind = GENERATE(store_kind::live, store_kind::hot);
  sqlite::sync::store store(fs, "/a.db", {.kind = kind});
  const auto c = store.connect().value();
  REQUIRE(run(c, "CREATE TABLE t(x); INSERT INTO t VALUES(zeroblob(50000))") == SQLITE_OK);
  v.set_quota(v.stats().used_bytes + 20'000).value();
  const error why = error_of(store.save("/copy.db"));
  CHECK(why == errc::quota_exceeded);
  CHECK(why.requested() > why.available());
  CHECK(!fs.exists("/copy.db").value());
}

TEST_CASE("sqlite store: a save that is refused leaves the old file, and is tried again",
          "[sqlite][store]") {
  volume v = volume::create({.accounting = accounting::payload}).value();
  sync::file_system fs(v);
  sqlite::sync::store store(fs, "/a.db", {.kind = store_kind::hot});
  REQUIRE(run(store.connect().value(), "CREATE TABLE t(x); INSERT INTO t VALUES(1)") == SQLITE_OK);
  v.set_quota(v.stats().used_bytes + 4096).value();
  {
    const auto c = store.connect().value();
    REQUIRE(run(c, "INSERT INTO t VALUES(2)") == SQLITE_OK);
    const error why = error_of(store.save());
    CHECK(why == errc::quota_exceeded);
    CHECK(why.requested() > why.available());
    REQUIRE(run(c, "INSERT INTO t VALUES(3)") == SQLITE_OK);
  }
  CHECK(in_file(fs, "/a.db") == "1");
  CHECK(fs.list("/").value() == std::vector<std::string>{"a.db"});
  CHECK(error_of(store.close()) == errc::quota_exceeded);
  CHECK(ask(store.connect().value().get(), "SELECT group_concat(x) FROM t") == "1,2,3");
  v.set_quota(1 << 20).value();
  CHECK(store.close());
  CHECK(in_file(fs, "/a.db") == "1,2,3");
}

TEST_CASE("sqlite store: what is no database is not loaded, and stays", "[sqlite][store]") {
  sync::file_system fs(volume::create().value());
  const std::string content(5000, 'x');
  fs.write_text("/a.db", content).value();
  sqlite::sync::store store(fs, "/a.db", {.kind = store_kind::hot});
  const error why = error_of(store.connect());
  CHECK(why.code() == std::error_code(SQLITE_NOTADB, sqlite::category()));
  CHECK(why.message().find("not a database") != std::string::npos);
  CHECK(store.close());
  CHECK(fs.read_text("/a.db").value() == content);
  CHECK(error_of(sqlite::sync::store(fs, "/missing/a.db").connect()) == errc::not_found);
  CHECK(error_of(sqlite::sync::store(fs, "/", {.kind = store_kind::hot}).connect()) ==
        errc::is_a_directory);
  CHECK(error_of(sqlite::sync::store(fs, "/b", {.kind = static_cast<store_kind>(9)}).connect()) ==
        errc::invalid_argument);
}

TEST_CASE("sqlite store: a hot one has a limit of its own", "[sqlite][store]") {
  sync::file_system fs(volume::create({.max_quota = 100'000}).value());
  sqlite::sync::store store(fs, "/a.db", {.kind = store_kind::hot, .max_size = 1 << 20});
  const auto c = store.connect().value();
  REQUIRE(run(c, "CREATE TABLE t(x); INSERT INTO t VALUES(zeroblob(500000))") == SQLITE_OK);
  CHECK(run(c, "INSERT INTO t VALUES(zeroblob(700000))") == SQLITE_FULL);
  REQUIRE(run(c, "DELETE FROM t; VACUUM") == SQLITE_OK);
}

TEST_CASE("sqlite store: close waits for the last connection, and lets none in",
          "[sqlite][store]") {
  sync::file_system fs(volume::create().value());
  sqlite::sync::store store(fs, "/a.db", {.kind = store_kind::hot});
  std::optional<sqlite::connection> c(store.connect().value());
  REQUIRE(run(*c, "CREATE TABLE t(x); INSERT INTO t VALUES(1)") == SQLITE_OK);
  std::atomic<bool> is_closed = false;
  std::thread closing([&] {
    store.close().value();
    is_closed = true;
  });
  await([&store] { return error_of(store.connect()) == errc::not_open; });
  CHECK(!is_closed);
  REQUIRE(run(*c, "INSERT INTO t VALUES(2)") == SQLITE_OK);
  c.reset();
  closing.join();
  CHECK(in_file(fs, "/a.db") == "1,2");
}

TEST_CASE("sqlite store: connections outlive their store", "[sqlite][store]") {
  sync::file_system fs(volume::create().value());
  const auto kind = GENERATE(store_kind::live, store_kind::hot);
  std::optional<sqlite::sync::store> store(std::in_place, fs, "/a.db",
                                           sqlite::store_options{.kind = kind});
  std::optional<sqlite::connection> c(store->connect().value());
  store.reset();
  REQUIRE(run(*c, "CREATE TABLE t(x); INSERT INTO t VALUES(1)") == SQLITE_OK);
  c.reset();
  CHECK(in_file(fs, "/a.db") == "1");
}

TEST_CASE("sqlite store: threads open connections and leave while others save", "[sqlite][store]") {
  sync::file_system fs(volume::create().value());
  const auto kind = GENERATE(store_kind::live, store_kind::hot);
  sqlite::sync::store store(fs, "/a.db", {.kind = kind, .busy_timeout = std::chrono::minutes(1)});
  REQUIRE(run(store.connect().value(), "CREATE TABLE t(x)") == SQLITE_OK);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> all;
  for (int i = 0; i < 4; ++i)
    all.emplace_back([&, i] {
      for (int k = 0; k < 20; ++k) {
        const auto c = store.connect();
        if (!c || run(c.value(), "INSERT INTO t VALUES(1)") != SQLITE_OK) ++wrong;
        if (i == 0 && !store.save()) ++wrong;
      }
    });
  for (std::thread& each : all) each.join();
  CHECK(wrong == 0);
  CHECK(store.run([](sqlite3* db) { return ask(db, "SELECT count(*) FROM t"); }).value() == "80");
  CHECK(store.close());
}

TEST_CASE("sqlite: an image is the database as it is, and pins it", "[sqlite][image]") {
  volume v = volume::create({.default_lock_timeout = lock_timeout::immediate()}).value();
  sync::file_system fs(v);
  const auto vfs = sqlite::vfs::create(v, {.patience = lock_timeout::immediate()}).value();
  database db(vfs.uri("/a.db"));
  db.run("CREATE TABLE t(x); INSERT INTO t VALUES(1)");
  const pinned image = sqlite::image(v, "a.db").value();
  CHECK(v.stats().pins == 1);
  db.run("INSERT INTO t VALUES(2)");
  std::string bytes;
  for (const asio::const_buffer b : image)
    bytes.append(static_cast<const char*>(b.data()), b.size());
  const database copy(":memory:");
  REQUIRE(sqlite3_deserialize(copy.get(), "main", reinterpret_cast<unsigned char*>(bytes.data()),
                              static_cast<sqlite3_int64>(bytes.size()),
                              static_cast<sqlite3_int64>(bytes.size()),
                              SQLITE_DESERIALIZE_READONLY) == SQLITE_OK);
  CHECK(copy.ask("SELECT group_concat(x) FROM t") == "1");
  CHECK(db.ask("SELECT group_concat(x) FROM t") == "1,2");

  db.run("BEGIN IMMEDIATE; INSERT INTO t VALUES(3)");
  CHECK(sqlite::image(v, "/a.db"));  // nothing is in the database yet
  db.run("ROLLBACK; BEGIN EXCLUSIVE");
  CHECK(error_of(sqlite::image(v, "/a.db")) == errc::timed_out);
  db.run("COMMIT; PRAGMA journal_mode=PERSIST; INSERT INTO t VALUES(3)");
  CHECK(sqlite::image(v, "/a.db"));
  db.run("PRAGMA journal_mode=WAL; INSERT INTO t VALUES(4)");
  CHECK(error_of(sqlite::image(v, "/a.db")) == errc::busy);
  db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  CHECK(sqlite::image(v, "/a.db"));
  db.run("BEGIN IMMEDIATE");
  CHECK(error_of(sqlite::image(v, "/a.db")) == errc::busy);
  db.close();
  CHECK(sqlite::image(v, "/a.db"));
  CHECK(error_of(sqlite::image(v, "/missing")) == errc::not_found);
  CHECK(error_of(sqlite::image(v, "/..")) == errc::invalid_path);
  CHECK(v.stats().open_handles == 0);
}

TEST_CASE("sqlite: while an image is held what changes needs room, and a rollback does not",
          "[sqlite][image]") {
  volume v = volume::create().value();
  const auto vfs = sqlite::vfs::create(v, {.patience = lock_timeout::immediate()}).value();
  const database db(vfs.uri("/a.db"));
  db.run(
      "PRAGMA cache_size=5; CREATE TABLE t(id INTEGER PRIMARY KEY, x BLOB);"
      "WITH n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<100)"
      "INSERT INTO t SELECT i, zeroblob(3000) FROM n");
  std::optional<pinned> image = sqlite::image(v, "/a.db").value();
  v.set_quota(v.stats().used_bytes + 70'000).value();
  CHECK(db.try_to("UPDATE t SET x = zeroblob(2999)") == SQLITE_FULL);
  image.reset();
  CHECK(db.ask("PRAGMA integrity_check") == "ok");
  CHECK(db.ask("SELECT count(*) FROM t WHERE length(x) = 3000") == "100");
}

}  // namespace coramfs::tests
