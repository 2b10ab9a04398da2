// SPDX-License-Identifier: BSL-1.0
// Logs and journals that lie beside a database which nobody has open.
#include <coramfs/sqlite.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/sqlite/database.hpp"
#include "unit/integrations/sqlite/dying_vfs.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coramfs::tests {

namespace {

using sqlite::store_kind;

constexpr const char* rows = "SELECT group_concat(x) FROM t";

int run(const sqlite::connection& by, const std::string& sql) {
  return sqlite3_exec(by.get(), sql.c_str(), nullptr, nullptr, nullptr);
}

/// Leaves a database whose only row is in its log, by one of the ways to do so.
void leave_log(volume v, const sqlite::vfs& by, const std::string& path, std::string_view way) {
  {
    const database db(by.uri(path));
    int keeps = 1;
    if (way == "kept")
      REQUIRE(sqlite3_file_control(db.get(), "main", SQLITE_FCNTL_PERSIST_WAL, &keeps) ==
              SQLITE_OK);
    if (way != "full") sqlite3_db_config(db.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    db.run("PRAGMA journal_mode=WAL; CREATE TABLE t(x); INSERT INTO t VALUES('logged')");
    if (way == "full") v.set_quota(v.stats().used_bytes).value();
  }
  v.set_quota(1 << 20).value();
  REQUIRE(sync::file_system(v).file_size(path + "-wal").value() > 0);
}

/// Leaves a database whose only row is to be had back from its journal.
void leave_journal(const volume& v, const sqlite::vfs& by, const std::string& path) {
  database(by.uri(path)).run("CREATE TABLE t(x); INSERT INTO t VALUES('logged')");
  sync::file_system fs(v);
  const auto generation = [&] { return fs.stat(path).value().generation; };
  std::uint64_t before = generation();
  for (std::uint64_t calls = 0; generation() == before; ++calls) {
    database(by.uri(path)).run(rows);  // rolls back what the last one may have left
    before = generation();
    dying_vfs dying(by.name());
    const database db(dying_vfs::uri(path));
    dying.die_after(calls);
    db.try_to("UPDATE t SET x = 'lost'");
  }
  REQUIRE(fs.file_size(path + "-journal").value() > 0);
}

}  // namespace

TEST_CASE("sqlite store: a save never goes beside a log that is not its own", "[sqlite][store]") {
  const auto kind = GENERATE(store_kind::live, store_kind::hot);
  const auto way = GENERATE("kept", "left", "full");
  const auto v = volume::create({.max_quota = 1 << 20, .accounting = accounting::payload}).value();
  sync::file_system fs(v);
  const auto vfs = sqlite::vfs::create(v).value();
  leave_log(v, vfs, "/b.db", way);
  sqlite::sync::store store(fs, "/a.db", {.kind = kind});
  const auto c = store.connect().value();
  REQUIRE(run(c, "CREATE TABLE t(x); INSERT INTO t VALUES('saved')") == SQLITE_OK);
  const std::vector<std::string> files = fs.list("/").value();
  CHECK(error_of(store.save("/b.db")) == errc::busy);
  CHECK(fs.list("/").value() == files);
  CHECK(database(vfs.uri("b.db")).ask(rows) == "logged");  // which takes the log away
  CHECK(store.save("b.db/"));
  CHECK(database(vfs.uri("b.db")).ask(rows) == "saved");
}

TEST_CASE("sqlite store: a save never goes beside a journal that would be rolled back",
          "[sqlite][store]") {
  const auto kind = GENERATE(store_kind::live, store_kind::hot);
  sync::file_system fs(volume::create().value());
  sqlite::sync::store store(fs, "/a.db", {.kind = kind});
  const auto c = store.connect().value();
  REQUIRE(run(c, "CREATE TABLE t(x)") == SQLITE_OK);
  fs.write_text("/b.db-journal", "\xd9\xd5\x05\xf9").value();
  CHECK(error_of(store.save("/b.db")) == errc::busy);
  CHECK(!fs.exists("/b.db").value());
  {
    const auto held = fs.open("/b.db-journal", open_mode::update).value();
    CHECK(error_of(store.save("/b.db")) == errc::busy);
  }
  fs.write_text("/b.db-journal", std::string(4, '\0')).value();
  CHECK(store.save("/b.db"));
}

TEST_CASE("sqlite store: what a log or a journal has is loaded, and brought into the file",
          "[sqlite][store]") {
  const auto v = volume::create().value();
  sync::file_system fs(v);
  const auto vfs = sqlite::vfs::create(v).value();
  const bool has_log = GENERATE(true, false);
  has_log ? leave_log(v, vfs, "/a.db", "left") : leave_journal(v, vfs, "/a.db");
  sqlite::sync::store store(fs, "/a.db", {.kind = store_kind::hot});
  {
    const auto c = store.connect().value();
    REQUIRE(run(c, "INSERT INTO t VALUES('new')") == SQLITE_OK);
  }
  CHECK(store.close());
  CHECK(fs.list("/").value() == std::vector<std::string>{"a.db"});
  CHECK(database(vfs.uri("/a.db")).ask(rows) == "logged,new");
}

TEST_CASE("sqlite: there is no image beside a log or a journal that is left", "[sqlite][image]") {
  const auto v = volume::create().value();
  const auto vfs = sqlite::vfs::create(v).value();
  const bool has_log = GENERATE(true, false);
  has_log ? leave_log(v, vfs, "/a.db", "left") : leave_journal(v, vfs, "/a.db");
  CHECK(error_of(sqlite::image(v, "/a.db")) == errc::busy);
  CHECK(database(vfs.uri("/a.db")).ask(rows) == "logged");
  CHECK(sqlite::image(v, "/a.db"));
}

TEST_CASE("sqlite store: a hot one loads a database that is in WAL mode", "[sqlite][store]") {
  const auto v = volume::create().value();
  const auto vfs = sqlite::vfs::create(v).value();
  database(vfs.uri("/a.db"))
      .run("PRAGMA journal_mode=WAL; CREATE TABLE t(x); INSERT INTO t VALUES('old')");
  sync::file_system fs(v);
  sqlite::sync::store store(fs, "/a.db", {.kind = store_kind::hot});
  {
    const auto c = store.connect().value();
    REQUIRE(run(c, "INSERT INTO t VALUES('new')") == SQLITE_OK);
    REQUIRE(run(c, "PRAGMA integrity_check") == SQLITE_OK);
  }
  CHECK(fs.list("/").value() == std::vector<std::string>{"a.db"});
  const database db(vfs.uri("/a.db"));
  CHECK(db.ask(rows) == "old,new");
  CHECK(db.ask("PRAGMA journal_mode") == "delete");  // as it was in memory
}

TEST_CASE("sqlite store: a save leaves alone what has the name that its new file would have",
          "[sqlite][store]") {
  const auto kind = GENERATE(store_kind::live, store_kind::hot);
  sync::file_system fs(volume::create().value());
  sqlite::sync::store store(fs, "/a.db", {.kind = kind});
  const auto c = store.connect().value();
  REQUIRE(run(c, "CREATE TABLE t(x)") == SQLITE_OK);
  // The numbers go up with each store and each save of the process.
  for (int i = 0; i < 10'000; ++i)
    fs.write_text("/b.db-" + std::to_string(i) + ".part", "text").value();
  CHECK(store.save("/b.db"));
  for (int i = 0; i < 10'000; ++i)
    if (fs.read_text("/b.db-" + std::to_string(i) + ".part").value() != "text") FAIL(i);
}

}  // namespace coramfs::tests
