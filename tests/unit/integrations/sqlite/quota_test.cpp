// SPDX-License-Identifier: BSL-1.0
#include <coramfs/sqlite.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/await_waiting.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/sqlite/database.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

namespace coramfs::tests {

TEST_CASE("sqlite: at the quota a database is full, intact, and says by how much",
          "[sqlite][quota]") {
  const auto kind = GENERATE(accounting::memory, accounting::payload);
  const auto mode = GENERATE("DELETE", "TRUNCATE", "PERSIST", "MEMORY", "WAL");
  auto v = volume::create({.max_quota = 512 * 1024, .accounting = kind}).value();
  const auto vfs = sqlite::vfs::create(v).value();
  const database db(vfs.uri("/a.db"));
  db.run(std::string("PRAGMA journal_mode=") + mode + "; CREATE TABLE t(x)");
  int rows = 0;
  int code = SQLITE_OK;
  while ((code = db.try_to("INSERT INTO t VALUES(randomblob(4000))")) == SQLITE_OK) ++rows;
  CHECK(code == SQLITE_FULL);
  const error why = sqlite::last_error(db.get());
  CHECK(why == errc::quota_exceeded);
  CHECK(why.requested() > why.available());
  CHECK(why.details().path.find("/a.db") == 0);
  CHECK(rows > 10);
  CHECK(db.ask("PRAGMA integrity_check") == "ok");
  CHECK(db.ask("SELECT count(*) FROM t") == std::to_string(rows));
  // So it is for one that is larger than the cache, and has been written in part.
  db.run("PRAGMA cache_size=3");
  CHECK(db.try_to("UPDATE t SET x = randomblob(9000)") == SQLITE_FULL);
  CHECK(db.ask("PRAGMA integrity_check") == "ok");
  CHECK(db.ask("SELECT count(*) FROM t WHERE length(x) = 4000") == std::to_string(rows));
  // There is room again once rows are gone and the file is shorter.
  v.set_quota(2 * 1024 * 1024).value();
  db.run("DELETE FROM t WHERE rowid % 2 = 0; VACUUM");
  CHECK(db.ask("PRAGMA integrity_check") == "ok");
}

// Exact figures: so each byte of what a transaction grows by is the last one there is room for.
TEST_CASE("sqlite: whatever byte a transaction lacks, nothing of it is there", "[sqlite][quota]") {
  const auto mode = GENERATE("DELETE", "TRUNCATE", "PERSIST", "WAL");
  auto v = volume::create({.accounting = accounting::payload}).value();
  const auto vfs = sqlite::vfs::create(v).value();
  const database db(vfs.uri("/a.db"));
  db.run(std::string("PRAGMA page_size=512; PRAGMA journal_mode=") + mode +
         "; PRAGMA wal_autocheckpoint=0; CREATE TABLE t(id INTEGER PRIMARY KEY, x BLOB);"
         "INSERT INTO t VALUES(1, zeroblob(2000)), (2, zeroblob(2000))");
  const std::string growing =
      "BEGIN IMMEDIATE; UPDATE t SET x = x'01' WHERE id = 1; "
      "INSERT INTO t(x) VALUES(zeroblob(3000)); COMMIT";
  const database reader(vfs.uri("/a.db"));
  int code = SQLITE_FULL;
  std::uint64_t more = 0;
  for (; code == SQLITE_FULL; ++more) {
    v.set_quota(v.stats().used_bytes + more).value();
    code = db.try_to(growing);
    if (sqlite3_get_autocommit(db.get()) == 0) db.run("ROLLBACK");
    if (code == SQLITE_OK) break;
    const error why = sqlite::last_error(db.get());
    if (why != errc::quota_exceeded || why.requested() <= why.available()) FAIL(why.message());
    if (more % 64 == 0) REQUIRE(reader.ask("PRAGMA integrity_check") == "ok");
    if (reader.ask("SELECT count(*) || ' ' || sum(length(x)) FROM t") != "2 4000") FAIL(more);
  }
  CHECK(code == SQLITE_OK);
  CHECK(more > 500);
  CHECK(reader.ask("PRAGMA integrity_check") == "ok");
  CHECK(reader.ask("SELECT count(*) || ' ' || sum(length(x)) FROM t") == "3 5001");
}

// So no room has to be kept for a rollback: each block that a transaction has written to is the
// database's own by then, and nobody can come to have a part of it before the transaction ends.
TEST_CASE("sqlite: between a write and its rollback nobody can pin or share the database",
          "[sqlite][quota]") {
  const auto mode = GENERATE("DELETE", "TRUNCATE", "PERSIST", "MEMORY");
  const auto layout = GENERATE(storage_layout::automatic, storage_layout::random_access);
  volume_options o;
  o.default_storage = layout;
  o.default_lock_timeout = lock_timeout::immediate();
  volume v = volume::create(o).value();
  sync::file_system fs(v);
  const auto vfs = sqlite::vfs::create(v, {.patience = lock_timeout::immediate()}).value();
  fs.create_directory("/d").value();
  database(vfs.uri("/d/a.db"))
      .run(
          "CREATE TABLE t(id INTEGER PRIMARY KEY, x BLOB);"
          "WITH n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<200)"
          "INSERT INTO t SELECT i, zeroblob(3000) FROM n");
  const copy_options sharing(copy_options::content::share);
  const volume fork_before = v.fork().value();
  const pinned before = sqlite::image(v, "/d/a.db").value();
  const database db(vfs.uri("/d/a.db"));
  db.run(std::string("PRAGMA journal_mode=") + mode + "; PRAGMA cache_size=3; BEGIN");
  db.run("UPDATE t SET x = randomblob(3000) WHERE id % 3 = 0");
  CHECK(v.stats().held_bytes > 0);  // of the image and the fork: so it was written to the file
  CHECK(error_of(sqlite::image(v, "/d/a.db")) == errc::timed_out);
  CHECK(error_of(fs.open("/d/a.db", open_mode::read)) == errc::would_block);
  CHECK(error_of(fs.copy("/d/a.db", "/d/b", sharing)) == errc::would_block);
  CHECK(error_of(fs.copy_tree("/d", "/e", sharing)) == errc::would_block);
  CHECK(error_of(fs.fork()) == errc::would_block);
  CHECK(error_of(v.fork()) == errc::busy);
  v.set_quota(v.stats().used_bytes).value();
  db.run("ROLLBACK");
  CHECK(db.ask("PRAGMA integrity_check") == "ok");
  CHECK(db.ask("SELECT count(*) FROM t WHERE x = zeroblob(3000)") == "200");
}

TEST_CASE("sqlite: a write waits for room where that is asked for", "[sqlite][quota]") {
  auto v = volume::create({.max_quota = 100'000, .accounting = accounting::payload}).value();
  sync::file_system fs(v);
  const auto vfs =
      sqlite::vfs::create(v, {.on_full = when_full::wait, .patience = std::chrono::minutes(1)})
          .value();
  const database db(vfs.uri("/a.db"));
  db.run("CREATE TABLE t(x)");
  fs.write_file("/big", std::string(80'000, 'x')).value();
  std::thread insert([&db] { db.run("INSERT INTO t VALUES(zeroblob(50000))"); });
  await_waiting(v, 1);
  fs.remove("/big").value();
  insert.join();
  CHECK(db.ask("SELECT length(x) FROM t") == "50000");
}

TEST_CASE("sqlite: a write that waits for room in vain is told that it is full",
          "[sqlite][quota]") {
  const auto v = volume::create({.max_quota = 100'000, .accounting = accounting::payload}).value();
  const auto vfs =
      sqlite::vfs::create(v, {.on_full = when_full::wait, .patience = std::chrono::milliseconds(1)})
          .value();
  const database db(vfs.uri("/a.db"));
  sync::file_system(v).write_file("/big", std::string(80'000, 'x')).value();
  db.run("CREATE TABLE t(x)");
  CHECK(db.try_to("INSERT INTO t VALUES(zeroblob(50000))") == SQLITE_FULL);
  const error why = sqlite::last_error(db.get());
  CHECK(why == errc::timed_out);
  CHECK(why.requested() > why.available());
  CHECK(db.ask("PRAGMA integrity_check") == "ok");
}

TEST_CASE("sqlite: an error of the volume is no answer for a later failure that is SQLite's",
          "[sqlite][quota]") {
  const auto mode = GENERATE("DELETE", "WAL");
  volume v = volume::create({.accounting = accounting::payload}).value();
  const auto vfs = sqlite::vfs::create(v).value();
  const database db(vfs.uri("/a.db"));
  db.run(std::string("PRAGMA journal_mode=") + mode + "; CREATE TABLE t(x)");
  v.set_quota(v.stats().used_bytes).value();
  CHECK(db.try_to("INSERT INTO t VALUES(zeroblob(50000))") == SQLITE_FULL);
  CHECK(sqlite::last_error(db.get()) == errc::quota_exceeded);
  v.set_quota(1 << 20).value();
  CHECK(db.try_to("PRAGMA max_page_count=2; INSERT INTO t VALUES(zeroblob(50000))") == SQLITE_FULL);
  CHECK(!sqlite::last_error(db.get()));
}

}  // namespace coramfs::tests
