// SPDX-License-Identifier: BSL-1.0
#include "integrations/sqlite/calls.hpp"

#include <coramfs/detail/normal_text.hpp>

#include "integrations/sqlite/connection_file.hpp"
#include "integrations/sqlite/result_code.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace coramfs::sqlite::detail {

namespace {

int failed(const error& why, int otherwise) noexcept {
  note_failure(why);
  return result_code(why, otherwise);
}

file_request request_of(const registration& by, bool has_name, int flags) noexcept {
  const bool is_database = (flags & SQLITE_OPEN_MAIN_DB) != 0;
  file_request how{.patience = by.options().patience, .on_full = by.options().on_full};
  how.is_database = is_database;
  // Journals have one lock in the volume for all, whoever only looks at them.
  how.may_write = !is_database || (flags & SQLITE_OPEN_READONLY) == 0;
  how.may_create = has_name && (flags & SQLITE_OPEN_CREATE) != 0;
  how.must_create = how.may_create && (flags & SQLITE_OPEN_EXCLUSIVE) != 0;
  how.is_likely_new = (flags & SQLITE_OPEN_MAIN_JOURNAL) != 0;
  how.goes_when_empty = (flags & SQLITE_OPEN_WAL) != 0;
  how.goes_when_closed = has_name && (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
  return how;
}

// SQLite may close a file also where it could not be opened, if it has calls: they are set last.
int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* to, int flags, int* given) noexcept
    try {
  to->pMethods = nullptr;
  auto by = registration::of(vfs);
  if (by == nullptr) return failed(errc::not_open, SQLITE_CANTOPEN);
  const std::string_view path = name != nullptr ? name : std::string_view();
  const file_request how = request_of(*by, !path.empty(), flags);
  auto opened = by->files().open(path, how);
  if (!opened) return failed(opened.error(), SQLITE_CANTOPEN);
  auto* const made = new (to) connection_file(std::move(by), std::move(opened.value()), how);
  made->pMethods = &file_calls;
  if (given != nullptr) *given = flags;
  return SQLITE_OK;
} catch (const std::bad_alloc&) {
  return failed(errc::out_of_memory, SQLITE_CANTOPEN);
}

int remove_file(sqlite3_vfs* vfs, const char* path, int) noexcept try {
  const auto by = registration::of(vfs);
  if (by == nullptr) return failed(errc::not_open, SQLITE_IOERR_DELETE);
  const auto removed = by->files().remove(path);
  if (removed) return SQLITE_OK;
  if (removed.error() == errc::not_found) return SQLITE_IOERR_DELETE_NOENT;
  return failed(removed.error(), SQLITE_IOERR_DELETE);
} catch (const std::bad_alloc&) {
  return failed(errc::out_of_memory, SQLITE_IOERR_DELETE);
}

// As for the unix VFS an empty file is none: a journal is emptied in the place of its removal.
int has_file(sqlite3_vfs* vfs, const char* path, int, int* is_there) noexcept {
  const auto by = registration::of(vfs);
  if (by == nullptr) return failed(errc::not_open, SQLITE_IOERR_ACCESS);
  const auto found = by->files().has_content(path);
  if (!found) return failed(found.error(), SQLITE_IOERR_ACCESS);
  *is_there = found.value() ? 1 : 0;
  return SQLITE_OK;
}

int full_path(sqlite3_vfs*, const char* path, int room, char* to) noexcept try {
  const auto normal = coramfs::detail::normal_text(path);
  if (!normal) return failed(normal.error(), SQLITE_CANTOPEN);
  const std::string& text = normal.value();
  if (text.size() >= static_cast<std::size_t>(room))
    return failed(errc::name_too_long, SQLITE_CANTOPEN);
  std::memcpy(to, text.c_str(), text.size() + 1);
  return SQLITE_OK;
} catch (const std::bad_alloc&) {
  return failed(errc::out_of_memory, SQLITE_CANTOPEN);
}

// Returns the text of the last failure, and its number among the system's.
int last_error_of_thread(sqlite3_vfs*, int room, char* to) noexcept try {
  const error why = last_failure();
  if (room > 0 && to != nullptr) {
    const std::string text = why ? why.message() : std::string();
    const std::size_t size = std::min(text.size(), static_cast<std::size_t>(room) - 1);
    std::memcpy(to, text.data(), size);
    to[size] = '\0';
  }
  const std::error_condition same = why.code().default_error_condition();
  return same.category() == std::generic_category() ? same.value() : 0;
} catch (const std::bad_alloc&) {
  return 0;
}

// The rest has nothing to do with files, and is there for who comes when the registration has
// ended.
sqlite3_vfs* system_of(sqlite3_vfs* vfs) noexcept { return registration::system_of(vfs); }

void* open_library(sqlite3_vfs* vfs, const char* path) noexcept {
  return system_of(vfs)->xDlOpen(system_of(vfs), path);
}

void library_error(sqlite3_vfs* vfs, int room, char* to) noexcept {
  system_of(vfs)->xDlError(system_of(vfs), room, to);
}

auto find_symbol(sqlite3_vfs* vfs, void* library, const char* name) noexcept -> void (*)() {
  return system_of(vfs)->xDlSym(system_of(vfs), library, name);
}

void close_library(sqlite3_vfs* vfs, void* library) noexcept {
  system_of(vfs)->xDlClose(system_of(vfs), library);
}

int random_bytes(sqlite3_vfs* vfs, int size, char* to) noexcept {
  return system_of(vfs)->xRandomness(system_of(vfs), size, to);
}

int sleep_for(sqlite3_vfs* vfs, int microseconds) noexcept {
  return system_of(vfs)->xSleep(system_of(vfs), microseconds);
}

int current_day(sqlite3_vfs* vfs, double* to) noexcept {
  return system_of(vfs)->xCurrentTime(system_of(vfs), to);
}

int current_milliseconds(sqlite3_vfs* vfs, sqlite3_int64* to) noexcept {
  sqlite3_vfs* const system = system_of(vfs);
  if (system->iVersion >= 2 && system->xCurrentTimeInt64 != nullptr)
    return system->xCurrentTimeInt64(system, to);
  double day = 0;
  const int code = system->xCurrentTime(system, &day);
  *to = static_cast<sqlite3_int64>(day * 86'400'000.0);
  return code;
}

}  // namespace

void set_vfs_calls(sqlite3_vfs& to) noexcept {
  to.iVersion = 2;
  to.xOpen = open_file;
  to.xDelete = remove_file;
  to.xAccess = has_file;
  to.xFullPathname = full_path;
  to.xDlOpen = open_library;
  to.xDlError = library_error;
  to.xDlSym = find_symbol;
  to.xDlClose = close_library;
  to.xRandomness = random_bytes;
  to.xSleep = sleep_for;
  to.xCurrentTime = current_day;
  to.xGetLastError = last_error_of_thread;
  to.xCurrentTimeInt64 = current_milliseconds;
}

bool has_vfs_calls(const sqlite3_vfs& of) noexcept { return of.xOpen == open_file; }

}  // namespace coramfs::sqlite::detail
