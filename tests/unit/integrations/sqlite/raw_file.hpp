// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/sqlite_vfs.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <string_view>
#include <vector>

#include <sqlite3.h>

namespace coramfs::tests {

/// A file as SQLite opens one.
class raw_file {
 public:
  static constexpr int database = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB;
  static constexpr int journal =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_JOURNAL;

  raw_file(const sqlite::vfs& by, const char* path, int flags)
      : vfs_(*sqlite3_vfs_find(by.name().c_str())),
        memory_(static_cast<std::size_t>(vfs_.szOsFile)),
        code(vfs_.xOpen(&vfs_, path, get(), flags, nullptr)) {}
  raw_file(const raw_file&) = delete;
  raw_file& operator=(const raw_file&) = delete;
  ~raw_file() { close(); }

  void close() {
    if (get()->pMethods != nullptr) call().xClose(get());
    get()->pMethods = nullptr;
  }
  int lock(int level) { return call().xLock(get(), level); }
  int unlock(int level) { return call().xUnlock(get(), level); }
  bool is_reserved() {
    int is = -1;
    REQUIRE(call().xCheckReservedLock(get(), &is) == SQLITE_OK);
    return is != 0;
  }
  int lock_index(int first, int count, int flags) {
    return call().xShmLock(get(), first, count, flags);
  }
  volatile char* region(int number, bool make) {
    void volatile* found = nullptr;
    REQUIRE(call().xShmMap(get(), number, 32768, make ? 1 : 0, &found) == SQLITE_OK);
    return static_cast<volatile char*>(found);
  }
  void unmap() { REQUIRE(call().xShmUnmap(get(), 0) == SQLITE_OK); }
  int write(std::string_view text, sqlite3_int64 offset = 0) {
    return call().xWrite(get(), text.data(), static_cast<int>(text.size()), offset);
  }
  int read(char* to, int size) { return call().xRead(get(), to, size, 0); }
  int truncate(sqlite3_int64 size) { return call().xTruncate(get(), size); }
  int control(int what, void* argument = nullptr) {
    return call().xFileControl(get(), what, argument);
  }
  int characteristics() { return call().xDeviceCharacteristics(get()); }

 private:
  const sqlite3_io_methods& call() { return *get()->pMethods; }
  sqlite3_file* get() { return reinterpret_cast<sqlite3_file*>(memory_.data()); }

  sqlite3_vfs& vfs_;
  std::vector<std::max_align_t> memory_;

 public:
  const int code;  // what the open has come to
};

}  // namespace coramfs::tests
