// SPDX-License-Identifier: BSL-1.0
#include <coramfs/sqlite.hpp>
#include <coramfs/sync/file_system.hpp>

#include "support/catch.hpp"
#include "unit/integrations/sqlite/database.hpp"
#include "unit/integrations/sqlite/dying_vfs.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

namespace coramfs::tests {

namespace {

constexpr const char* state = "SELECT count(*) || ' ' || sum(n) || ' ' || sum(length(x)) FROM t";

// A database of some pages, of which a transaction changes most, and makes it longer or shorter.
void set_up(const database& db, const std::string& mode) {
  db.run("PRAGMA page_size=512; PRAGMA journal_mode=" + mode +
         "; CREATE TABLE t(id INTEGER PRIMARY KEY, n, x BLOB); CREATE INDEX i ON t(n);"
         "WITH k(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM k WHERE i<8)"
         "INSERT INTO t SELECT i, 100, zeroblob(300) FROM k");
}
constexpr const char* before = "8 800 2400";

}  // namespace

TEST_CASE("sqlite: a writer that dies between any two calls leaves all or nothing",
          "[sqlite][crash]") {
  const auto mode = GENERATE("DELETE", "TRUNCATE", "PERSIST", "WAL");
  // One cache writes all at the end of the transaction, the other in its middle.
  const auto cache = GENERATE("PRAGMA cache_size=100;", "PRAGMA cache_size=3;");
  const bool has_company = GENERATE(false, true);
  struct expectation {
    std::string sql, after;
  };
  const auto e = GENERATE(values<expectation>(
      {{"BEGIN; UPDATE t SET n = n + 1; INSERT INTO t VALUES(9, 0, zeroblob(900)); COMMIT",
        "9 808 3300"},
       {"DELETE FROM t WHERE id > 2; VACUUM", "2 200 600"}}));
  CAPTURE(mode, cache, has_company, e.sql);
  int calls = 0;
  int kept = 0;
  for (bool is_dead = true; is_dead; ++calls) {
    const auto v = volume::create({.max_quota = 1 << 20}).value();
    const auto vfs = sqlite::vfs::create(v, {.patience = lock_timeout::immediate()}).value();
    set_up(database(vfs.uri("/a.db")), mode);
    std::optional<database> company;
    if (has_company) {
      company.emplace(vfs.uri("/a.db"));
      REQUIRE(company->ask(state) == before);
    }
    {
      dying_vfs dying(vfs.name());
      const database db(dying_vfs::uri("/a.db"));
      db.run(std::string(cache) + state);
      dying.die_after(static_cast<std::uint64_t>(calls));
      const int code = db.try_to(e.sql);
      is_dead = dying.is_dead();
      if (!is_dead && code != SQLITE_OK) FAIL(sqlite3_errmsg(db.get()));
    }
    if (!company) company.emplace(vfs.uri("/a.db"));
    const std::string now = company->ask(state);
    if (now != before && now != e.after) FAIL("after " << calls << " calls: " << now);
    if (now == e.after) ++kept;
    if (company->ask("PRAGMA integrity_check") != "ok")
      FAIL("after " << calls << " calls: " << company->ask("PRAGMA integrity_check"));
    company->run("INSERT INTO t VALUES(100, 0, x'')");  // and it goes on
    company.reset();
    if (v.stats().open_handles != 0) FAIL("something is open after " << calls << " calls");
  }
  CHECK(calls > 10);
  CHECK(kept > 0);
  CHECK(kept < calls);
}

TEST_CASE("sqlite: after any single call that failed all or nothing is done, and it goes on",
          "[sqlite][crash]") {
  const auto mode = GENERATE("DELETE", "TRUNCATE", "PERSIST", "WAL");
  const auto cache = GENERATE("PRAGMA cache_size=100;", "PRAGMA cache_size=3;");
  CAPTURE(mode, cache);
  bool has_failed = true;
  std::uint64_t calls = 0;
  for (; has_failed; ++calls) {
    const auto v = volume::create({.max_quota = 1 << 20}).value();
    const auto vfs = sqlite::vfs::create(v, {.patience = lock_timeout::immediate()}).value();
    set_up(database(vfs.uri("/a.db")), mode);
    dying_vfs failing(vfs.name());
    database db(dying_vfs::uri("/a.db"));
    db.run(std::string(cache) + state);
    failing.fail_after(calls);
    const int code = db.try_to(
        "BEGIN; UPDATE t SET n = n + 1; INSERT INTO t VALUES(9, 0, zeroblob(900)); COMMIT");
    has_failed = failing.has_failed();
    failing.fail_after(std::numeric_limits<std::uint64_t>::max());
    if (sqlite3_get_autocommit(db.get()) == 0) db.run("ROLLBACK");
    const std::string now = db.ask(state);
    if (now != before && now != "9 808 3300") FAIL("after " << calls << " calls: " << now);
    if (code == SQLITE_OK && now == before) FAIL("lost after " << calls << " calls");
    db.run("INSERT INTO t VALUES(100, 0, x'')");
    const database other(vfs.uri("/a.db"));
    if (other.ask("PRAGMA integrity_check") != "ok") FAIL("after " << calls << " calls");
    if (other.ask(state) == now) FAIL("nothing goes on after " << calls << " calls");
  }
  CHECK(calls > 10);
}

TEST_CASE("sqlite: where a pin keeps a rollback from its room, it is made up for",
          "[sqlite][crash]") {
  int refused = 0;
  bool is_dead = true;
  for (std::uint64_t calls = 0; is_dead; ++calls) {
    volume v = volume::create().value();
    sync::file_system fs(v);
    const auto vfs = sqlite::vfs::create(v, {.patience = lock_timeout::immediate()}).value();
    set_up(database(vfs.uri("/a.db")), "DELETE");
    {
      dying_vfs dying(vfs.name());
      const database db(dying_vfs::uri("/a.db"));
      db.run(std::string("PRAGMA cache_size=3;") + state);
      dying.die_after(calls);
      db.try_to("UPDATE t SET n = n + 1, x = zeroblob(400)");
      is_dead = dying.is_dead();
    }
    if (!fs.exists("/a.db-journal").value()) continue;
    std::optional<pinned> pin = fs.open("/a.db", open_mode::read).value().pin(0, 1 << 20).value();
    v.set_quota(v.stats().used_bytes).value();
    const database db(vfs.uri("/a.db"));
    if (db.try_to(state) == SQLITE_FULL) {
      ++refused;
      if (sqlite::last_error(db.get()) != errc::quota_exceeded) FAIL("another error");
    }
    pin.reset();
    if (db.ask(state) != before) FAIL("after " << calls << " calls: " << db.ask(state));
    if (db.ask("PRAGMA integrity_check") != "ok") FAIL("after " << calls << " calls");
  }
  CHECK(refused > 0);
}

TEST_CASE("sqlite: of a transaction in two databases all or nothing is left", "[sqlite][crash]") {
  const auto mode = GENERATE("DELETE", "TRUNCATE", "PERSIST");
  CAPTURE(mode);
  const auto attach = [](const std::string& uri) { return "ATTACH '" + uri + "' AS b;"; };
  int calls = 0;
  int kept = 0;
  for (bool is_dead = true; is_dead; ++calls) {
    const auto v = volume::create({.max_quota = 1 << 20}).value();
    const auto vfs = sqlite::vfs::create(v, {.patience = lock_timeout::immediate()}).value();
    for (const char* path : {"/a.db", "/b.db"})
      database(vfs.uri(path)).run("CREATE TABLE t(n); INSERT INTO t VALUES(100)");
    {
      dying_vfs dying(vfs.name());
      const database db(dying_vfs::uri("/a.db"));
      db.run(attach(dying_vfs::uri("/b.db")) + "PRAGMA main.journal_mode=" + mode +
             "; PRAGMA b.journal_mode=" + mode + "; SELECT * FROM t, b.t");
      dying.die_after(static_cast<std::uint64_t>(calls));
      db.try_to("BEGIN; UPDATE t SET n = n - 1; UPDATE b.t SET n = n + 1; COMMIT");
      is_dead = dying.is_dead();
    }
    const database db(vfs.uri("/a.db"));
    db.run(attach(vfs.uri("/b.db")));
    const std::string now = db.ask("SELECT t.n || ' ' || u.n FROM t, b.t AS u");
    if (now != "100 100" && now != "99 101") FAIL("after " << calls << " calls: " << now);
    if (now == "99 101") ++kept;
  }
  CHECK(calls > 20);
  CHECK(kept > 0);
  CHECK(kept < calls);
}

}  // namespace coramfs::tests
