// SPDX-License-Identifier: BSL-1.0

// The least use of SQLite in a volume: what one connection stores the next one has.
#include <coramfs/sqlite.hpp>

#include <string>

#include <sqlite3.h>

namespace {

bool run(const coramfs::sqlite::vfs& by, const char* sql) {
  sqlite3* db = nullptr;
  const std::string uri = by.uri("/a.db");
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI;
  const bool done = sqlite3_open_v2(uri.c_str(), &db, flags, nullptr) == SQLITE_OK &&
                    sqlite3_exec(db, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  return sqlite3_close(db) == SQLITE_OK && done;
}

}  // namespace

int main() {
  const auto v = coramfs::volume::create().value();
  const auto vfs = coramfs::sqlite::vfs::create(v).value();
  return run(vfs, "CREATE TABLE t(x)") && run(vfs, "INSERT INTO t VALUES(1)") &&
                 v.stats().file_count == 1
             ? 0
             : 1;
}
