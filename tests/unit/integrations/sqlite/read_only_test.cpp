// SPDX-License-Identifier: BSL-1.0
// Connections that only read, beside those that write and beside what is outside of SQLite.
#include <coramfs/sqlite.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/await_waiting.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"
#include "unit/integrations/sqlite/database.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace coramfs::tests {

namespace {

constexpr int read_only = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;

/// A volume with a database in it, and with a VFS without patience over it.
struct stage {
  explicit stage(const std::string& mode)
      : fs(volume::create().value()),
        vfs(sqlite::vfs::create(fs.get_volume(), {.patience = lock_timeout::immediate()}).value()) {
    open().run("PRAGMA journal_mode=" + mode + "; CREATE TABLE t(x); INSERT INTO t VALUES(1)");
  }

  database open(int flags = database::usual) const { return database(vfs.uri("/a.db"), flags); }
  database open_to_read() const { return open(read_only); }
  error open_outside(open_mode how) {
    return error_of(fs.open("/a.db", how, {.timeout = lock_timeout::immediate()}));
  }

  sync::file_system fs;
  sqlite::vfs vfs;
};

/// Lets somebody outside have the file while a connection that was to write is refused. Returns the
/// file of that one.
sync::file refuse_one_that_writes(stage& s) {
  std::optional<sync::file> outside;
  std::thread waiting([&] {
    outside.emplace(
        s.fs.open("/a.db", open_mode::update, {.timeout = std::chrono::minutes(1)}).value());
  });
  await_waiting(s.fs.get_volume(), 1);
  CHECK(s.open().open_code() == SQLITE_BUSY);
  waiting.join();
  return std::move(*outside);
}

constexpr const char* rows = "SELECT group_concat(x) FROM t";

}  // namespace

TEST_CASE("sqlite: one that may write need not wait for those that have read", "[sqlite]") {
  const auto mode = GENERATE("DELETE", "WAL");
  stage s(mode);
  const database reader = s.open_to_read();
  CHECK(reader.ask(rows) == "1");
  const database writer = s.open();
  REQUIRE(writer.open_code() == SQLITE_OK);
  writer.run("INSERT INTO t VALUES(2)");
  CHECK(reader.ask(rows) == "1,2");
}

TEST_CASE("sqlite: a database with a log is shared with nobody outside", "[sqlite]") {
  stage s("WAL");
  std::optional<database> reader(s.open_to_read());
  CHECK(s.open_outside(open_mode::read) == errc::would_block);
  CHECK(reader->ask(rows) == "1");
  reader.reset();
  CHECK(s.fs.list("/").value() == std::vector<std::string>{"a.db"});
  const auto outside = s.fs.open("/a.db", open_mode::read).value();
  CHECK(s.open_to_read().open_code() == SQLITE_BUSY);
  SECTION("also one that is not in WAL mode") {
    stage other("DELETE");
    other.fs.write_text("/a.db-wal", "text").value();
    reader.emplace(other.open_to_read());
    CHECK(other.open_outside(open_mode::read) == errc::would_block);
  }
}

TEST_CASE("sqlite: one that only reads leaves database and log as they are", "[sqlite]") {
  stage s("WAL");
  std::optional<database> writer(s.open());
  std::optional<database> reader(s.open_to_read());
  CHECK(reader->ask(rows) == "1");
  writer->run("PRAGMA wal_autocheckpoint=0; INSERT INTO t VALUES(2)");
  writer.reset();
  const auto before = s.fs.stat("/a.db").value().generation;
  const auto size = s.fs.file_size("/a.db-wal").value();
  CHECK(size > 0);
  CHECK(reader->ask(rows) == "1,2");
  reader.reset();
  CHECK(s.fs.stat("/a.db").value().generation == before);
  CHECK(s.fs.file_size("/a.db-wal").value() == size);
  CHECK(s.open_to_read().ask(rows) == "1,2");
  CHECK(s.open().ask(rows) == "1,2");
  CHECK(s.fs.list("/").value() == std::vector<std::string>{"a.db"});
}

TEST_CASE("sqlite: those that read go on where one that was to write was refused", "[sqlite]") {
  stage s("DELETE");
  const database reader = s.open_to_read();
  const database other = s.open_to_read();
  CHECK(reader.ask(rows) == "1");
  sync::file outside = refuse_one_that_writes(s);
  CHECK(reader.try_to(rows) == SQLITE_BUSY);
  CHECK(sqlite::last_error(reader.get()) == errc::would_block);
  outside.close().value();
  CHECK(reader.ask(rows) == "1");
  CHECK(other.ask(rows) == "1");
  CHECK(error_of(s.fs.remove("/a.db")) == errc::busy);
  const database writer = s.open();
  writer.run("INSERT INTO t VALUES(2)");
  CHECK(reader.ask(rows) == "1,2");
  CHECK(s.fs.stats().value().open_handles == 1);
}

TEST_CASE("sqlite: those whose file was taken from them never see another one", "[sqlite]") {
  stage s("DELETE");
  std::optional<database> reader(s.open_to_read());
  CHECK(reader->ask(rows) == "1");
  refuse_one_that_writes(s).close().value();
  s.fs.remove("/a.db").value();
  SECTION("whoever has put it there") {
    database(s.vfs.uri("/b.db")).run("CREATE TABLE t(x); INSERT INTO t VALUES('another')");
    s.fs.rename("/b.db", "/a.db").value();
    CHECK(reader->try_to(rows) == SQLITE_IOERR_LOCK);
    CHECK(s.open_to_read().ask(rows) == "another");
    CHECK(reader->try_to(rows) == SQLITE_IOERR_LOCK);
    s.fs.remove("/a.db").value();
  }
  SECTION("as there is none") {
    CHECK(reader->try_to(rows) == SQLITE_IOERR_LOCK);
    CHECK(sqlite::last_error(reader->get()) == errc::not_found);
  }
  const database writer = s.open();
  REQUIRE(writer.open_code() == SQLITE_OK);
  writer.run("CREATE TABLE t(x); INSERT INTO t VALUES('other')");
  CHECK(reader->try_to(rows) == SQLITE_IOERR_LOCK);
  CHECK(sqlite::last_error(reader->get()) == errc::not_found);
  CHECK(s.open_to_read().ask(rows) == "other");
  reader.reset();
  CHECK(s.open_to_read().ask(rows) == "other");
  CHECK(error_of(s.fs.remove("/a.db")) == errc::busy);
  CHECK(sqlite::image(s.fs.get_volume(), "/a.db"));
}

}  // namespace coramfs::tests
