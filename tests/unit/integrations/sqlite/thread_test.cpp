// SPDX-License-Identifier: BSL-1.0
#include <coramfs/sqlite.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/await_waiting.hpp"
#include "support/catch.hpp"
#include "support/dice.hpp"
#include "unit/integrations/sqlite/database.hpp"

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace coramfs::tests {

namespace {

/// Runs `task(number)` on so many threads.
template <class Task>
void on_threads(int count, Task task) {
  std::vector<std::thread> all;
  for (int i = 0; i < count; ++i) all.emplace_back(task, i);
  for (std::thread& each : all) each.join();
}

}  // namespace

TEST_CASE("sqlite: connections on threads never see half a transaction", "[sqlite][threads]") {
  const auto mode = GENERATE("DELETE", "TRUNCATE", "PERSIST", "MEMORY", "OFF", "WAL");
  const int threads = GENERATE(2, 4, 8);
  CAPTURE(mode, threads);
  const auto v = volume::create().value();
  const auto vfs = sqlite::vfs::create(v, {.patience = std::chrono::minutes(1)}).value();
  const auto connect = [&vfs] {
    database db(vfs.uri("/bank.db"));
    sqlite3_busy_timeout(db.get(), 60'000);
    return db;
  };
  const database bank = connect();
  bank.run(std::string("PRAGMA journal_mode=") + mode +
           "; CREATE TABLE accounts(id INTEGER PRIMARY KEY, n);"
           "WITH k(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM k WHERE i<19)"
           "INSERT INTO accounts SELECT i, 100 FROM k");
  std::atomic<int> done = 0;
  std::atomic<int> wrong = 0;
  on_threads(threads, [&](int number) {
    const database db = connect();
    // The mode of a connection is its own, but for WAL.
    db.run(std::string("PRAGMA journal_mode=") + mode);
    dice roll(static_cast<std::uint64_t>(number));
    for (int i = 0; i < 60; ++i) {
      if (number % 2 == 1) {
        if (db.ask("SELECT sum(n) FROM accounts") != "2000") ++wrong;
        continue;
      }
      const std::string from = std::to_string(roll.below(20)), to = std::to_string(roll.below(20));
      const int code =
          db.try_to("BEGIN IMMEDIATE; UPDATE accounts SET n = n - 1 WHERE id = " + from +
                    "; UPDATE accounts SET n = n + 1 WHERE id = " + to + "; COMMIT");
      code == SQLITE_OK ? ++done : ++wrong;
    }
  });
  CHECK(wrong == 0);
  CHECK(done == (threads + 1) / 2 * 60);
  CHECK(bank.ask("SELECT sum(n) FROM accounts") == "2000");
  CHECK(bank.ask("PRAGMA integrity_check") == "ok");
}

TEST_CASE("sqlite: readers never wait for a writer that has a log", "[sqlite][threads]") {
  const auto v = volume::create().value();
  const auto vfs = sqlite::vfs::create(v, {.patience = lock_timeout::immediate()}).value();
  const database writer(vfs.uri("/a.db"));
  writer.run("PRAGMA journal_mode=WAL; CREATE TABLE t(x); INSERT INTO t VALUES(1)");
  writer.run("BEGIN IMMEDIATE; INSERT INTO t VALUES(2)");
  const database reader(vfs.uri("/a.db"));
  CHECK(reader.ask("SELECT count(*) FROM t") == "1");
  std::atomic<bool> is_done = false;
  std::thread writing([&] {
    writer.run("COMMIT");
    for (int i = 0; i < 200; ++i) writer.run("INSERT INTO t VALUES(3)");
    is_done = true;
  });
  // No busy handler: whatever had to wait would be an error.
  int read = 0;
  do {
    if (reader.try_to("SELECT count(*) FROM t") != SQLITE_OK) FAIL(sqlite3_errmsg(reader.get()));
    ++read;
  } while (!is_done);
  writing.join();
  CHECK(read > 0);
  CHECK(reader.ask("SELECT count(*) FROM t") == "202");
}

TEST_CASE("sqlite: no patience is needed to open what others are opening", "[sqlite][threads]") {
  const auto v = volume::create().value();
  const auto patient = sqlite::vfs::create(v, {.patience = std::chrono::minutes(1)}).value();
  const auto impatient = sqlite::vfs::create(v, {.patience = lock_timeout::immediate()}).value();
  auto outside = sync::file_system(v).open("/a.db", open_mode::write).value();
  std::atomic<int> code = -1;
  std::thread opening([&] { code = database(patient.uri("/a.db")).open_code(); });
  await_waiting(v, 1);
  std::atomic<bool> is_second_opening = false;
  std::thread closing([&] {
    await([&] { return is_second_opening.load(); });
    outside.close().value();
  });
  is_second_opening = true;
  CHECK(database(impatient.uri("/a.db")).open_code() == SQLITE_OK);
  opening.join();
  closing.join();
  CHECK(code == SQLITE_OK);
}

TEST_CASE("sqlite: databases are opened, left and removed on several threads",
          "[sqlite][threads]") {
  const auto v = volume::create().value();
  const auto mode = GENERATE("DELETE", "WAL");
  const auto vfs = sqlite::vfs::create(v, {.patience = std::chrono::minutes(1)}).value();
  std::atomic<int> wrong = 0;
  on_threads(4, [&](int number) {
    sync::file_system fs(v);
    for (int i = 0; i < 100; ++i) {
      if (number == 3) {
        const auto removed = fs.remove("/a.db");
        if (!removed && removed.error() != errc::busy && removed.error() != errc::not_found)
          ++wrong;
        continue;
      }
      const database db(vfs.uri("/a.db"));
      sqlite3_busy_timeout(db.get(), 60'000);
      // Of those who give a new database its mode at the same time SQLite refuses all but one,
      // without the busy handler.
      int code = SQLITE_BUSY;
      while ((code & 0xff) == SQLITE_BUSY)
        code = db.try_to(std::string("PRAGMA journal_mode=") + mode +
                         "; CREATE TABLE IF NOT EXISTS t(x); INSERT INTO t VALUES(1)");
      if (code != SQLITE_OK) ++wrong;
    }
  });
  CHECK(wrong == 0);
  CHECK(v.stats().open_handles == 0);
  const database db(vfs.uri("/a.db"));
  CHECK(db.ask("PRAGMA integrity_check") == "ok");
}

}  // namespace coramfs::tests
