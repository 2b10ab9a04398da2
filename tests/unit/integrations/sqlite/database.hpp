// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include <sqlite3.h>

namespace coramfs::tests {

/// A connection of SQLite's, which throws where a statement fails that must not.
class database {
 public:
  static constexpr int usual = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI;

  explicit database(const std::string& uri, int flags = usual) {
    sqlite3* made = nullptr;
    code_ = sqlite3_open_v2(uri.c_str(), &made, flags, nullptr);
    all_.reset(made);
  }

  sqlite3* get() const { return all_.get(); }
  /// What the open has come to.
  int open_code() const { return code_; }
  void close() { all_.reset(); }

  /// Returns the extended result code of one or more statements.
  int try_to(const std::string& sql) const {
    sqlite3_exec(get(), sql.c_str(), nullptr, nullptr, nullptr);
    return sqlite3_extended_errcode(get());
  }
  void run(const std::string& sql) const {
    if (try_to(sql) != SQLITE_OK) throw std::runtime_error(sql + ": " + sqlite3_errmsg(get()));
  }
  /// Returns the first column of the first row as text, "" if there is none, and of a statement
  /// that fails the message.
  std::string ask(const std::string& sql) const {
    sqlite3_stmt* made = nullptr;
    sqlite3_prepare_v2(get(), sql.c_str(), -1, &made, nullptr);
    const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> s(made, sqlite3_finalize);
    const int code = s != nullptr ? sqlite3_step(s.get()) : SQLITE_ERROR;
    if (code == SQLITE_DONE) return "";
    if (code != SQLITE_ROW) return sqlite3_errmsg(get());
    const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(s.get(), 0));
    return text != nullptr ? text : "";
  }

 private:
  struct closing {
    void operator()(sqlite3* db) const noexcept { sqlite3_close(db); }
  };
  std::unique_ptr<sqlite3, closing> all_;
  int code_ = SQLITE_OK;
};

}  // namespace coramfs::tests
