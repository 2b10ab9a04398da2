// SPDX-License-Identifier: BSL-1.0
#include "integrations/sqlite/store_state.hpp"

#include <coramfs/detail/normal_text.hpp>

#include "integrations/sqlite/connection_file.hpp"
#include "integrations/sqlite/leftovers.hpp"
#include "integrations/sqlite/open_files.hpp"
#include "integrations/sqlite/result_code.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include <sqlite3.h>

namespace coramfs::sqlite::detail {

namespace {

constexpr int common_flags = SQLITE_OPEN_URI | SQLITE_OPEN_EXRESCODE;
constexpr int reading = SQLITE_OPEN_READONLY | common_flags;
constexpr int updating = SQLITE_OPEN_READWRITE | common_flags;
constexpr int writing = updating | SQLITE_OPEN_CREATE;

std::uint64_t next_number() noexcept {
  static std::atomic<std::uint64_t> number = 0;
  return ++number;
}

// Whether an error of the volume's has come to that code.
bool explains(const error& why, int code) noexcept {
  if (!why) return false;
  const int primary = (code & 0xff) == SQLITE_CANTOPEN ? SQLITE_IOERR : code & 0xff;
  return primary == (result_code(why, SQLITE_IOERR) & 0xff) ||
         primary == (result_code_of_growth(why, SQLITE_IOERR) & 0xff);
}

// What has failed with a code of SQLite's: the volume's own error where that is the reason, for it
// has the numbers.
error error_of(int code, sqlite3* db) noexcept {
  if ((code & 0xff) == SQLITE_NOMEM) return errc::out_of_memory;
  if (db != nullptr)
    if (const error why = last_error(db); explains(why, code)) return why;
  return std::error_code(code, category());
}

// What fails may be a file of a database that is attached for the statement alone.
result<void> run(sqlite3* db, const std::string& sql) {
  forget_failure();
  const int code = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return success();
  const error why = error_of(code, db);
  return why.code().category() == category() && explains(last_failure(), code) ? last_failure()
                                                                               : why;
}

// The first column of the first row.
result<std::string> ask(sqlite3* db, const char* sql) {
  sqlite3_stmt* made = nullptr;
  int code = sqlite3_prepare_v2(db, sql, -1, &made, nullptr);
  const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(made, sqlite3_finalize);
  if (code == SQLITE_OK) code = sqlite3_step(made);
  if (code != SQLITE_ROW) return error_of(code, db);
  const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(made, 0));
  if (text == nullptr) return errc::out_of_memory;
  return std::string(text);
}

// Whichever of the two has failed.
result<void> copy(sqlite3* from, sqlite3* to) {
  sqlite3_backup* const going = sqlite3_backup_init(to, "main", from, "main");
  if (going == nullptr) return error_of(sqlite3_extended_errcode(to), to);
  const int stepped = sqlite3_backup_step(going, -1);
  int code = sqlite3_backup_finish(going);
  if (stepped == SQLITE_DONE && code == SQLITE_OK) return success();
  if (code == SQLITE_OK) code = stepped;
  const error of_target = error_of(code, to);
  return of_target.code().category() == category() ? error_of(code, from) : of_target;
}

// Says of a database that it has no log. A backup copies page 1 as it is, with the mode of the
// file, and memdb knows none that has a log. Whoever has that page in its cache does not notice.
result<void> leave_wal_mode(sqlite3* hot) {
  constexpr sqlite3_int64 versions = 18;  // two bytes: 1 is for a journal, 2 for a log
  sqlite3_file* file = nullptr;
  int code = sqlite3_file_control(hot, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code == SQLITE_OK) code = file->pMethods->xWrite(file, "\1\1", 2, versions);
  if (code != SQLITE_OK) return error_of(code, hot);
  return success();
}

std::string quoted(const std::string& text) {
  std::string all = "'";
  for (const char c : text) all += c == '\'' ? std::string("''") : std::string(1, c);
  return all + "'";
}

}  // namespace

void closes_handle::operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }

store_state::store_state(volume over, std::string path, const store_options& options)
    : fs_(std::move(over)),
      path_(std::move(path)),
      options_(options),
      hot_uri_("file:/coramfs-store-" + std::to_string(next_number()) + "?vfs=memdb") {}

result<connection> store_state::connect() {
  if (!in_use_.try_lock_shared()) return errc::not_open;
  auto opened = open_next();
  if (!opened) {
    in_use_.unlock_shared();
    return opened.error();
  }
  return connection(shared_from_this(), opened.value().release());
}

// A file may have to be waited for, and then nobody else has to.
result<owned_handle> store_state::open_next() {
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return errc::not_open;
    BOOST_OUTCOME_TRY(make_vfs());
    if (is_hot()) {
      if (anchor_ == nullptr) {
        BOOST_OUTCOME_TRY(load());
      }
      BOOST_OUTCOME_TRY(auto made, open_hot());
      ++connections_;
      return made;
    }
  }
  return open_file(path_, writing);
}

// Whether the save succeeds or not: what was refused is tried again by the next one.
void store_state::leave(sqlite3* db) noexcept {
  sqlite3_close_v2(db);
  if (is_hot()) try {
      const std::lock_guard lock(mutex_);
      if (--connections_ == 0) static_cast<void>(save_changes());
    } catch (const std::bad_alloc&) {
      // As a save that is refused for any other reason.
    }
  in_use_.unlock_shared();
}

result<std::uint64_t> store_state::save() {
  const std::lock_guard lock(mutex_);
  if (!is_hot()) return fs_.file_size(path_);
  if (anchor_ == nullptr) return fs_.file_size(path_);
  return save_anchor(path_);
}

result<std::uint64_t> store_state::save_to(std::string path) {
  if (is_hot()) {
    const std::lock_guard lock(mutex_);
    BOOST_OUTCOME_TRY(make_vfs());
    if (anchor_ == nullptr) {
      BOOST_OUTCOME_TRY(load());
    }
    auto saved = save_anchor(path);
    if (connections_ == 0) static_cast<void>(save_changes());
    return saved;
  }
  BOOST_OUTCOME_TRY(const connection c, connect());
  BOOST_OUTCOME_TRY(const std::string part, free_name(path));
  auto copied = run(c.get(), "VACUUM INTO " + quoted(vfs_->uri(part)));
  if (copied) copied = replace(path, part);
  if (copied) return fs_.file_size(path);
  static_cast<void>(fs_.remove(part));
  return copied.error();
}

result<void> store_state::finish() {
  const std::lock_guard lock(mutex_);
  if (anchor_ != nullptr) {
    BOOST_OUTCOME_TRY(save_changes());
  }
  is_closed_ = true;
  return success();
}

result<void> store_state::make_vfs() {
  if (vfs_) return success();
  if (options_.kind != store_kind::live && !is_hot()) return errc::invalid_argument;
  BOOST_OUTCOME_TRY(auto made, vfs::create(fs_.get_volume(), options_.files));
  vfs_ = std::move(made);
  return success();
}

result<owned_handle> store_state::open(const std::string& uri, int flags) {
  sqlite3* made = nullptr;
  const int code = sqlite3_open_v2(uri.c_str(), &made, flags, nullptr);
  owned_handle db(made);
  if (code != SQLITE_OK) return error_of(code, made);
  const auto most = static_cast<std::int64_t>(std::numeric_limits<int>::max());
  const std::int64_t patience = std::clamp<std::int64_t>(options_.busy_timeout.count(), 0, most);
  sqlite3_busy_timeout(made, static_cast<int>(patience));
  return db;
}

result<owned_handle> store_state::open_file(const std::string& path, int flags) {
  return open(vfs_->uri(path), flags);
}

result<owned_handle> store_state::open_hot() { return open(hot_uri_, writing); }

// A file that is missing or empty is a database without anything in it, as it is for SQLite.
result<void> store_state::load() {
  BOOST_OUTCOME_TRY(auto hot, open_hot());
  auto size = static_cast<sqlite3_int64>(std::min(
      options_.max_size, static_cast<std::uint64_t>(std::numeric_limits<sqlite3_int64>::max())));
  sqlite3_file_control(hot.get(), "main", SQLITE_FCNTL_SIZE_LIMIT, &size);
  const auto there = fs_.file_size(path_);
  if (!there && there.error() != errc::not_found) return there.error();
  if (there && there.value() > 0) {
    // Who only reads can neither roll back nor bring a log into the file, which `replace` asks for.
    BOOST_OUTCOME_TRY(const bool is_all, is_whole(path_, options_.files.patience));
    BOOST_OUTCOME_TRY(const auto file, open_file(path_, is_all ? reading : updating));
    BOOST_OUTCOME_TRY(copy(file.get(), hot.get()));
    BOOST_OUTCOME_TRY(leave_wal_mode(hot.get()));
    BOOST_OUTCOME_TRY(auto fresh, open_hot());
    hot = std::move(fresh);
    // A backup copies whatever pages there are.
    BOOST_OUTCOME_TRY(ask(hot.get(), "PRAGMA schema_version"));
  }
  BOOST_OUTCOME_TRY(version_, ask(hot.get(), "PRAGMA data_version"));
  anchor_ = std::move(hot);
  return success();
}

result<bool> store_state::is_changed() {
  BOOST_OUTCOME_TRY(const std::string now, ask(anchor_.get(), "PRAGMA data_version"));
  return now != version_;
}

result<bool> store_state::is_whole(const std::string& path, lock_timeout patience) {
  BOOST_OUTCOME_TRY(const std::string database, coramfs::detail::normal_text(path));
  const auto files = open_files::of(fs_.get_volume());
  BOOST_OUTCOME_TRY(const bool is_logged, has_log(*files, database));
  if (is_logged) return false;
  BOOST_OUTCOME_TRY(const bool has_journal, has_live_journal(*files, database, patience));
  return !has_journal;
}

result<std::string> store_state::free_name(const std::string& path) {
  BOOST_OUTCOME_TRY(const std::string beside, coramfs::detail::normal_text(path));
  for (;;) {
    std::string name = beside + "-" + std::to_string(next_number()) + ".part";
    BOOST_OUTCOME_TRY(const bool is_taken, fs_.exists(name));
    if (!is_taken) return name;
  }
}

// SQLite applies a log or a journal to whatever database it lies beside: so what the old file has
// of that would destroy the new one. It is not removed either, for it may be all there is of a
// commit.
result<void> store_state::replace(const std::string& path, const std::string& by) {
  const auto is_all = is_whole(path, lock_timeout::immediate());
  if (!is_all) return is_all.error() == errc::would_block ? error(errc::busy) : is_all.error();
  if (!is_all.value()) return errc::busy;
  return fs_.rename(by, path, if_exists::replace);
}

// Whoever looks at the path sees the old file or the new one.
result<std::uint64_t> store_state::save_anchor(const std::string& path) {
  BOOST_OUTCOME_TRY(const std::string part, free_name(path));
  BOOST_OUTCOME_TRY(std::string version, ask(anchor_.get(), "PRAGMA data_version"));
  auto saved = [&]() -> result<std::uint64_t> {
    {
      BOOST_OUTCOME_TRY(const auto file, open_file(part, writing));
      // Nobody sees it before it is whole.
      BOOST_OUTCOME_TRY(ask(file.get(), "PRAGMA journal_mode=OFF"));
      BOOST_OUTCOME_TRY(copy(anchor_.get(), file.get()));
    }
    BOOST_OUTCOME_TRY(const std::uint64_t size, fs_.file_size(part));
    BOOST_OUTCOME_TRY(replace(path, part));
    return size;
  }();
  if (!saved) static_cast<void>(fs_.remove(part));
  if (saved && path == path_) version_ = std::move(version);
  return saved;
}

result<std::uint64_t> store_state::save_changes() {
  BOOST_OUTCOME_TRY(const bool is_new, is_changed());
  result<std::uint64_t> saved = 0;
  if (is_new) saved = save_anchor(path_);
  if (saved) anchor_.reset();
  return saved;
}

}  // namespace coramfs::sqlite::detail
