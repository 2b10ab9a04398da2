// SPDX-License-Identifier: BSL-1.0
#include "shared/catalogue.hpp"

#include <coramfs/sqlite.hpp>

#include <memory>
#include <system_error>

#include <sqlite3.h>

namespace catalogue {

namespace {

// The volume's error has numbers, where there is one.
coramfs::error why(sqlite3* db) {
  if (const coramfs::error of_volume = coramfs::sqlite::last_error(db)) return of_volume;
  return std::error_code(sqlite3_extended_errcode(db), coramfs::sqlite::category());
}

coramfs::result<void> run(sqlite3* db, const char* sql) {
  if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return why(db);
  return coramfs::success();
}

struct finalizes {
  void operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }
};
using statement = std::unique_ptr<sqlite3_stmt, finalizes>;

coramfs::result<statement> prepare(sqlite3* db, const char* sql) {
  sqlite3_stmt* made = nullptr;
  if (sqlite3_prepare_v2(db, sql, -1, &made, nullptr) != SQLITE_OK) return why(db);
  return statement(made);
}

coramfs::result<void> add_one(sqlite3* db, sqlite3_stmt* s, const entry& e) {
  sqlite3_bind_text(s, 1, e.path.data(), static_cast<int>(e.path.size()), SQLITE_STATIC);
  sqlite3_bind_int64(s, 2, static_cast<sqlite3_int64>(e.size));
  const int code = sqlite3_step(s);
  sqlite3_reset(s);
  if (code != SQLITE_DONE) return why(db);
  return coramfs::success();
}

coramfs::result<void> add_all(sqlite3* db, std::span<const entry> files) {
  // The triggers keep the totals.
  BOOST_OUTCOME_TRY(const statement s, prepare(db,
                                               "INSERT INTO files VALUES(?1, ?2) "
                                               "ON CONFLICT(path) DO UPDATE SET size = ?2"));
  for (const entry& e : files) {
    BOOST_OUTCOME_TRY(add_one(db, s.get(), e));
  }
  return coramfs::success();
}

coramfs::result<totals> ask(sqlite3* db, const char* sql) {
  BOOST_OUTCOME_TRY(const statement s, prepare(db, sql));
  if (sqlite3_step(s.get()) != SQLITE_ROW) return why(db);
  return totals{static_cast<std::uint64_t>(sqlite3_column_int64(s.get(), 0)),
                static_cast<std::uint64_t>(sqlite3_column_int64(s.get(), 1))};
}

}  // namespace

std::vector<entry> files_below(const std::filesystem::path& directory) {
  namespace disk = std::filesystem;
  std::vector<entry> found;
  const auto options = disk::directory_options::skip_permission_denied;
  for (const auto& one : disk::recursive_directory_iterator(directory, options)) {
    std::error_code failed;
    if (!one.is_regular_file(failed) || one.is_symlink(failed)) continue;
    const std::uintmax_t size = one.file_size(failed);
    if (!failed) found.push_back({one.path().string(), size});
  }
  return found;
}

// A hot database of a store has no log, and stays as it is.
coramfs::result<void> keep_a_log(sqlite3* db) { return run(db, "PRAGMA journal_mode=WAL"); }

coramfs::result<void> make_tables(sqlite3* db) {
  return run(db,
             "BEGIN IMMEDIATE;"
             "CREATE TABLE IF NOT EXISTS files(path TEXT PRIMARY KEY, size INTEGER) WITHOUT ROWID;"
             "CREATE TABLE IF NOT EXISTS totals(files INTEGER, bytes INTEGER);"
             "INSERT INTO totals SELECT 0, 0 WHERE NOT EXISTS (SELECT * FROM totals);"
             "CREATE TRIGGER IF NOT EXISTS added AFTER INSERT ON files BEGIN"
             "  UPDATE totals SET files = files + 1, bytes = bytes + new.size; END;"
             "CREATE TRIGGER IF NOT EXISTS changed AFTER UPDATE ON files BEGIN"
             "  UPDATE totals SET bytes = bytes - old.size + new.size; END;"
             "COMMIT");
}

// A connection that is closed rolls back what it has begun.
coramfs::result<void> add(sqlite3* db, std::span<const entry> files) {
  BOOST_OUTCOME_TRY(run(db, "BEGIN IMMEDIATE"));
  BOOST_OUTCOME_TRY(add_all(db, files));
  return run(db, "COMMIT");
}

coramfs::result<bool> belongs_together(sqlite3* db) {
  BOOST_OUTCOME_TRY(run(db, "BEGIN"));
  BOOST_OUTCOME_TRY(const totals kept, known(db));
  BOOST_OUTCOME_TRY(const totals counted, count(db));
  BOOST_OUTCOME_TRY(run(db, "COMMIT"));
  return kept == counted;
}

coramfs::result<totals> known(sqlite3* db) { return ask(db, "SELECT files, bytes FROM totals"); }

coramfs::result<totals> count(sqlite3* db) {
  return ask(db, "SELECT count(*), coalesce(sum(size), 0) FROM files");
}

}  // namespace catalogue
