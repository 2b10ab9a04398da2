// SPDX-License-Identifier: BSL-1.0
#include <coramfs/sqlite.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/await_waiting.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/sqlite/database.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

/// A volume with a VFS over it.
struct stage {
  explicit stage(volume_options options = {},
                 sqlite::vfs_options how = {.patience = lock_timeout::immediate()})
      : fs(volume::create(options).value()),
        vfs(sqlite::vfs::create(fs.get_volume(), how).value()) {}

  std::string uri(const std::string& path, std::string_view parameters = {}) const {
    return vfs.uri(path, parameters);
  }
  database open(const std::string& path, int flags = database::usual) const {
    return database(uri(path), flags);
  }

  sync::file_system fs;
  sqlite::vfs vfs;
};

constexpr int read_only = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
constexpr int read_write = SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI;

}  // namespace

TEST_CASE("sqlite: a database is a file of the volume, and is there for the next connection",
          "[sqlite]") {
  stage s;
  {
    const database db = s.open("/a.db");
    db.run("CREATE TABLE t(x); INSERT INTO t VALUES(42)");
  }
  CHECK(s.fs.list("/").value() == std::vector<std::string>{"a.db"});
  CHECK(s.fs.file_size("/a.db").value() == 8192);
  CHECK(s.open("a.db", read_only).ask("SELECT x FROM t") == "42");
  CHECK(s.fs.stats().value().open_handles == 0);
}

TEST_CASE("sqlite: the layouts of a volume all take a database", "[sqlite]") {
  const auto layout = GENERATE(storage_layout::automatic, storage_layout::sequential,
                               storage_layout::random_access);
  stage s({.default_storage = layout, .promotion_hard_limit = 100'000});
  const database db = s.open("/a.db");
  // Pages go out as the cache runs over, in another order than they have in the file.
  db.run(
      "PRAGMA cache_size=10; CREATE TABLE t(id INTEGER PRIMARY KEY, x BLOB, y); CREATE INDEX i ON "
      "t(y);"
      "WITH n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<2000)"
      "INSERT INTO t SELECT i, randomblob(300), random() FROM n;"
      "UPDATE t SET y = y + 1 WHERE id % 3 = 0; DELETE FROM t WHERE id % 2 = 0; VACUUM");
  CHECK(db.ask("PRAGMA integrity_check") == "ok");
  CHECK(db.ask("SELECT count(*) FROM t") == "1000");
}

TEST_CASE("sqlite: paths are those of the volume, whatever is in them", "[sqlite]") {
  stage s;
  s.fs.create_directories("/a b/c").value();
  for (const std::string path :
       {"/a b/c/50%.db", "//x?y=z#w&v.db", "/a b/../\xc3\xa4.db", "rel.db", "/a b/c/./d.db/"}) {
    const database db = s.open(path);
    CAPTURE(path);
    REQUIRE(db.open_code() == SQLITE_OK);
    db.run("CREATE TABLE t(x)");
    CHECK(s.fs.is_file(path).value());
  }
  struct refusal {
    std::string path;
    errc why;
  };
  const refusal refused[] = {
      {"/../a.db", errc::invalid_path},   {std::string("/a\0b", 4), errc::invalid_path},
      {"/missing/a.db", errc::not_found}, {"/rel.db/a.db", errc::not_a_directory},
      {"/a b", errc::is_a_directory},     {"/" + std::string(256, 'n'), errc::name_too_long}};
  for (const auto& [path, why] : refused) {
    CAPTURE(path);
    const database db = s.open(path);
    CHECK(db.open_code() == SQLITE_CANTOPEN);
    CHECK(sqlite::last_error(db.get()) == why);
  }
  CHECK(s.open("/new.db", read_write).open_code() == SQLITE_CANTOPEN);
  CHECK(!s.fs.exists("/new.db").value());
}

TEST_CASE("sqlite: a URI has the parameters that it is given", "[sqlite]") {
  stage s;
  CHECK(s.uri("/a b.db", "mode=ro") == "file:/a%20b.db?vfs=" + s.vfs.name() + "&mode=ro");
  CHECK(database(s.uri("/a.db", "mode=rw")).open_code() == SQLITE_CANTOPEN);
}

TEST_CASE("sqlite: an open database is one open file to everybody else", "[sqlite]") {
  stage s;
  std::optional<database> db(s.open("/a.db"));
  db->run("CREATE TABLE t(x)");
  const std::optional<database> other(s.open("/a.db"));
  CHECK(s.fs.stats().value().open_handles == 1);
  CHECK(error_of(s.fs.remove("/a.db")) == errc::busy);
  CHECK(error_of(s.fs.rename("/a.db", "/b.db")) == errc::busy);
  CHECK(error_of(s.fs.open("/a.db", open_mode::read, {.timeout = lock_timeout::immediate()})) ==
        errc::would_block);
  CHECK(s.fs.file_size("/a.db").value() == 8192);
  db.reset();
  CHECK(error_of(s.fs.remove("/a.db")) == errc::busy);
}

TEST_CASE("sqlite: a file that is open elsewhere is busy once patience ends", "[sqlite]") {
  const auto patience =
      GENERATE(lock_timeout::immediate(), lock_timeout(std::chrono::milliseconds(1)));
  stage s({}, {.patience = patience});
  auto f = s.fs.open("/a.db", open_mode::write).value();
  const database db = s.open("/a.db");
  CHECK(db.open_code() == SQLITE_BUSY);
  CHECK(sqlite::last_error(db.get()) ==
        (patience.is_immediate() ? errc::would_block : errc::timed_out));
  f.close().value();
  CHECK(s.open("/a.db").open_code() == SQLITE_OK);
}

TEST_CASE("sqlite: connections that only read leave the file to other readers", "[sqlite]") {
  stage s({}, {.patience = std::chrono::minutes(1)});
  s.open("/a.db").run("CREATE TABLE t(x); INSERT INTO t VALUES(1)");
  const database reader = s.open("/a.db", read_only);
  CHECK(reader.ask("SELECT x FROM t") == "1");
  auto outside = s.fs.open("/a.db", open_mode::read).value();
  SECTION("one that writes waits for them") {
    std::thread writer([&s] {
      const database db = s.open("/a.db");
      db.run("INSERT INTO t VALUES(2)");
    });
    await_waiting(s.fs.get_volume(), 1);
    outside.close().value();
    writer.join();
    CHECK(reader.ask("SELECT max(x) FROM t") == "2");
    CHECK(reader.try_to("INSERT INTO t VALUES(3)") == SQLITE_READONLY);
  }
  SECTION("one that writes waits for a statement that reads") {
    outside.close().value();
    sqlite3_stmt* reading = nullptr;
    sqlite3_prepare_v2(reader.get(), "SELECT x FROM t", -1, &reading, nullptr);
    REQUIRE(sqlite3_step(reading) == SQLITE_ROW);
    std::atomic<bool> is_open = false;
    std::thread writer([&s, &is_open] {
      const database db = s.open("/a.db");
      is_open = true;
      db.run("INSERT INTO t VALUES(2)");
    });
    CHECK(sqlite3_step(reading) == SQLITE_DONE);
    CHECK(!is_open);
    sqlite3_finalize(reading);
    writer.join();
    CHECK(reader.ask("SELECT max(x) FROM t") == "2");
  }
}

TEST_CASE("sqlite: where one that writes has no patience, those that read go on", "[sqlite]") {
  stage s;
  s.open("/a.db").run("CREATE TABLE t(x); INSERT INTO t VALUES(1)");
  const database reader = s.open("/a.db", read_only);
  auto outside = s.fs.open("/a.db", open_mode::read).value();
  CHECK(s.open("/a.db").open_code() == SQLITE_BUSY);
  CHECK(reader.ask("SELECT x FROM t") == "1");
}

TEST_CASE("sqlite: one who begins to read waits for one who writes", "[sqlite]") {
  stage s({}, {.patience = std::chrono::minutes(1)});
  const database writer = s.open("/a.db");
  writer.run("CREATE TABLE t(x); BEGIN EXCLUSIVE; INSERT INTO t VALUES(1)");
  std::atomic<bool> committed = false;
  std::thread reading([&] {
    const database reader = s.open("/a.db");
    CHECK(reader.ask("SELECT count(*) FROM t") == "1");
    CHECK(committed);
  });
  committed = true;
  writer.run("COMMIT");
  reading.join();
}

TEST_CASE("sqlite: whoever can not have a lock is told", "[sqlite]") {
  stage s;
  const database a = s.open("/a.db");
  const database b = s.open("/a.db");
  a.run("CREATE TABLE t(x); BEGIN IMMEDIATE");
  CHECK(b.try_to("BEGIN IMMEDIATE") == SQLITE_BUSY);
  CHECK(b.ask("SELECT count(*) FROM t") == "0");
  a.run("INSERT INTO t VALUES(1)");
  b.run("BEGIN; SELECT * FROM t");
  CHECK(a.try_to("COMMIT") == SQLITE_BUSY);  // b still reads
  const database c = s.open("/a.db");
  CHECK(c.try_to("SELECT * FROM t") == SQLITE_BUSY);  // and nobody new comes in
  CHECK(sqlite::last_error(c.get()) == errc::busy);
  b.run("COMMIT");
  a.run("COMMIT");
  CHECK(c.ask("SELECT count(*) FROM t") == "1");
}

TEST_CASE("sqlite: a journal is a file of the volume for as long as SQLite has it", "[sqlite]") {
  stage s;
  const database db = s.open("/a.db");
  db.run("CREATE TABLE t(x)");
  struct expectation {
    std::string mode, during, after;
  };
  const auto e = GENERATE(values<expectation>({{"DELETE", "a.db-journal", ""},
                                               {"TRUNCATE", "a.db-journal", "a.db-journal"},
                                               {"PERSIST", "a.db-journal", "a.db-journal"},
                                               {"MEMORY", "", ""},
                                               {"OFF", "", ""},
                                               {"WAL", "a.db-wal", "a.db-wal"}}));
  const auto files = [](const std::string& more) {
    return more.empty() ? std::vector<std::string>{"a.db"} : std::vector<std::string>{"a.db", more};
  };
  db.run("PRAGMA journal_mode=" + e.mode + "; BEGIN IMMEDIATE; INSERT INTO t VALUES(1)");
  CHECK(s.fs.list("/").value() == files(e.during));
  db.run("COMMIT");
  CHECK(s.fs.list("/").value() == files(e.after));
  CHECK(db.ask("PRAGMA integrity_check") == "ok");
}

TEST_CASE("sqlite: a journal that is removed while others have it open is none", "[sqlite]") {
  stage s;
  const database db = s.open("/a.db");
  db.run("PRAGMA journal_mode=PERSIST; CREATE TABLE t(x)");  // and goes on having it open
  REQUIRE(s.fs.file_size("/a.db-journal").value() > 0);
  const database other = s.open("/a.db");
  other.run("PRAGMA journal_mode=DELETE; INSERT INTO t VALUES(1)");
  CHECK(s.fs.file_size("/a.db-journal").value() == 0);
  // It is one again once somebody writes to it.
  db.run("BEGIN IMMEDIATE; INSERT INTO t VALUES(2); PRAGMA cache_size=0; ROLLBACK");
  CHECK(db.ask("SELECT group_concat(x) FROM t") == "1");
  CHECK(s.fs.file_size("/a.db-journal").value() > 0);
}

TEST_CASE("sqlite: temporary files have no name", "[sqlite]") {
  stage s;
  const database db = s.open("/a.db");
  db.run(
      "PRAGMA temp_store=FILE; CREATE TEMP TABLE t(x); PRAGMA temp.cache_size=2;"
      "WITH n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<100)"
      "INSERT INTO t SELECT randomblob(1000) FROM n");
  CHECK(s.fs.list("/").value() == std::vector<std::string>{"a.db"});
  CHECK(s.fs.stats().value().file_count > 1);
  const database nameless = database("file:?vfs=" + s.vfs.name());
  nameless.run("CREATE TABLE t(x); INSERT INTO t VALUES(1)");
  CHECK(nameless.ask("SELECT x FROM t") == "1");
}

TEST_CASE("sqlite: connections by two registrations share a database, and outlive both",
          "[sqlite]") {
  std::optional<stage> s(std::in_place);
  auto other = std::make_optional(sqlite::vfs::create(s->fs.get_volume()).value());
  CHECK(other->name() != s->vfs.name());
  const std::string name = other->name();
  const database a = s->open("/a.db");
  const database b(other->uri("/a.db"));
  a.run("PRAGMA journal_mode=WAL; CREATE TABLE t(x)");
  b.run("INSERT INTO t VALUES(1)");
  s.reset();
  other.reset();
  CHECK(sqlite3_vfs_find(name.c_str()) != nullptr);
  CHECK(a.ask("SELECT x FROM t") == "1");
  b.run("INSERT INTO t VALUES(2)");
  CHECK(a.ask("SELECT max(x) FROM t") == "2");
}

TEST_CASE("sqlite: a registration ends with its last file", "[sqlite]") {
  std::optional<stage> s(std::in_place);
  const std::string name = s->vfs.name();
  std::optional<database> db(s->open("/a.db"));
  s.reset();
  CHECK(sqlite3_vfs_find(name.c_str()) != nullptr);
  db.reset();
  CHECK(sqlite3_vfs_find(name.c_str()) == nullptr);
}

TEST_CASE("sqlite: a connection without a file outlives its registration, and opens none any more",
          "[sqlite]") {
  std::optional<stage> s(std::in_place);
  const database temporary("file:?vfs=" + s->vfs.name());
  const database deserialized = s->open("/a.db");
  deserialized.run("CREATE TABLE t(x)");
  sqlite3_int64 size = 0;
  unsigned char* const bytes = sqlite3_serialize(deserialized.get(), "main", &size, 0);
  REQUIRE(sqlite3_deserialize(deserialized.get(), "main", bytes, size, size,
                              SQLITE_DESERIALIZE_FREEONCLOSE) == SQLITE_OK);
  sqlite3_vfs* const known = sqlite3_vfs_find(s->vfs.name().c_str());
  s.reset();
  CHECK(deserialized.ask("SELECT datetime('now') > '2000'") == "1");
  CHECK(temporary.try_to("PRAGMA cache_size=2; CREATE TABLE t(x);"
                         "WITH n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<100)"
                         "INSERT INTO t SELECT randomblob(1000) FROM n") == SQLITE_CANTOPEN);
  CHECK(known->xDelete(known, "/a.db", 0) == SQLITE_IOERR_DELETE);
  int is = 0;
  CHECK(known->xAccess(known, "/a.db", SQLITE_ACCESS_EXISTS, &is) == SQLITE_IOERR_ACCESS);
}

TEST_CASE("sqlite: volumes do not share databases", "[sqlite]") {
  stage one, two;
  const database a = one.open("/a.db"), b = two.open("/a.db");
  a.run("CREATE TABLE t(x)");
  b.run("CREATE TABLE t(x)");
}

TEST_CASE("sqlite: a connection that is closed in a transaction rolls back", "[sqlite]") {
  stage s;
  const auto mode = GENERATE("DELETE", "WAL");
  database db = s.open("/a.db");
  db.run(std::string("PRAGMA journal_mode=") + mode + "; CREATE TABLE t(x)");
  database other = s.open("/a.db");
  other.run("BEGIN IMMEDIATE; INSERT INTO t VALUES(1)");
  CHECK(db.try_to("BEGIN IMMEDIATE") == SQLITE_BUSY);
  std::thread([&other] { other.close(); }).join();
  db.run("BEGIN IMMEDIATE; COMMIT");
  CHECK(db.ask("SELECT count(*) FROM t") == "0");
}

TEST_CASE("sqlite: the index of a log is charged, and goes with the last connection", "[sqlite]") {
  stage s({.accounting = accounting::payload});
  std::optional<database> a(s.open("/a.db")), b(s.open("/a.db"));
  a->run("PRAGMA journal_mode=WAL; CREATE TABLE t(x)");
  CHECK(b->ask("SELECT count(*) FROM t") == "0");
  const auto files = [&s] {
    std::uint64_t sum = 0;
    for (const auto& each : s.fs.list_entries("/").value()) sum += each.status.size;
    return sum;
  };
  const auto used = [&s] { return s.fs.stats().value().used_bytes; };
  CHECK(used() == files() + 32 * 1024);
  a.reset();
  CHECK(used() == files() + 32 * 1024);
  b.reset();
  CHECK(used() == files());
  CHECK(s.fs.list("/").value() == std::vector<std::string>{"a.db"});
}

TEST_CASE("sqlite: a file grows by chunks where that is asked for", "[sqlite]") {
  stage s;
  const database db = s.open("/a.db");
  int size = 65536;
  REQUIRE(sqlite3_file_control(db.get(), "main", SQLITE_FCNTL_CHUNK_SIZE, &size) == SQLITE_OK);
  db.run("CREATE TABLE t(x)");
  CHECK(s.fs.file_size("/a.db").value() == 65536);
  CHECK(db.ask("PRAGMA integrity_check") == "ok");
  CHECK(db.ask("PRAGMA page_count") == "2");
}

TEST_CASE("sqlite: a log is kept where that is asked for", "[sqlite]") {
  stage s;
  {
    const database db = s.open("/a.db");
    int keeps = -1;
    REQUIRE(sqlite3_file_control(db.get(), "main", SQLITE_FCNTL_PERSIST_WAL, &keeps) == SQLITE_OK);
    CHECK(keeps == 0);
    keeps = 1;
    REQUIRE(sqlite3_file_control(db.get(), "main", SQLITE_FCNTL_PERSIST_WAL, &keeps) == SQLITE_OK);
    db.run("PRAGMA journal_mode=WAL; CREATE TABLE t(x); INSERT INTO t VALUES(1)");
  }
  CHECK(s.fs.exists("/a.db-wal").value());
  CHECK(s.open("/a.db").ask("SELECT x FROM t") == "1");
}

TEST_CASE("sqlite: a pragma tells how full the volume is", "[sqlite]") {
  stage s({.max_quota = 1'000'000, .accounting = accounting::payload});
  const database db = s.open("/a.db");
  db.run("CREATE TABLE t(x)");
  CHECK(db.ask("PRAGMA coramfs") == "used 8192\nquota 1000000\nheld 0");
}

TEST_CASE("sqlite: an unknown enumerator is refused", "[sqlite]") {
  const auto v = volume::create().value();
  CHECK(error_of(sqlite::vfs::create(v, {.on_full = static_cast<when_full>(7)})) ==
        errc::invalid_argument);
}

}  // namespace coramfs::tests
