// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include <sqlite3.h>

namespace coramfs::tests {

/// A VFS over another one, which at a chosen call dies: from then on no call reaches the other one
/// but those by which what is held is given back, as they do when somebody closes a connection
/// whose thread has gone.
///
/// There is one at a time, for one connection on one thread. It must outlive that.
class dying_vfs {
 public:
  explicit dying_vfs(const std::string& over) : calls_(found(over)) {
    next_ = sqlite3_vfs_find(over.c_str());
    calls_.zName = "dying";
    calls_.szOsFile = static_cast<int>(sizeof(file)) + next_->szOsFile;
    calls_.xOpen = open;
    calls_.xDelete = remove;
    calls_.xAccess = access;
    calls_.pAppData = this;
    calls_.iVersion = 1;
    calls_.xFullPathname = [](sqlite3_vfs* v, const char* path, int room, char* to) {
      return of(v).next_->xFullPathname(of(v).next_, path, room, to);
    };
    calls_.xRandomness = [](sqlite3_vfs* v, int size, char* to) {
      return of(v).next_->xRandomness(of(v).next_, size, to);
    };
    calls_.xSleep = [](sqlite3_vfs* v, int time) { return of(v).next_->xSleep(of(v).next_, time); };
    calls_.xCurrentTime = [](sqlite3_vfs* v, double* to) {
      return of(v).next_->xCurrentTime(of(v).next_, to);
    };
    calls_.xGetLastError = [](sqlite3_vfs*, int, char*) { return 0; };
    if (sqlite3_vfs_register(&calls_, 0) != SQLITE_OK) throw std::runtime_error("no VFS");
  }
  dying_vfs(const dying_vfs&) = delete;
  dying_vfs& operator=(const dying_vfs&) = delete;
  ~dying_vfs() { sqlite3_vfs_unregister(&calls_); }

  static std::string uri(const std::string& path) { return "file:" + path + "?vfs=dying"; }
  /// Lets so many calls through from now on, and dies at the next.
  void die_after(std::uint64_t calls) { left_ = calls; }
  bool is_dead() const { return is_dead_; }
  /// Lets so many calls through from now on, and fails the next one alone.
  void fail_after(std::uint64_t calls) {
    die_after(calls);
    recovers_ = true;
  }
  bool has_failed() const { return is_dead_; }

 private:
  struct file {
    sqlite3_file base;
    dying_vfs* by;
    sqlite3_file* next() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };

  static sqlite3_vfs found(const std::string& name) {
    if (const sqlite3_vfs* const v = sqlite3_vfs_find(name.c_str())) return *v;
    throw std::runtime_error("there is no VFS " + name);
  }
  static dying_vfs& of(sqlite3_vfs* v) { return *static_cast<dying_vfs*>(v->pAppData); }
  static file& at(sqlite3_file* f) { return *reinterpret_cast<file*>(f); }

  // Whether a call that is about to be made is made.
  bool lives() {
    if (is_dead_ && recovers_) return true;
    if (left_ == 0) is_dead_ = true;
    if (!is_dead_ && left_ != std::numeric_limits<std::uint64_t>::max()) --left_;
    return !is_dead_;
  }
  template <class Call, class... Arguments>
  static int pass(sqlite3_file* f, Call call, Arguments... arguments) {
    if (!at(f).by->lives()) return SQLITE_IOERR;
    sqlite3_file* const next = at(f).next();
    return (next->pMethods->*call)(next, arguments...);
  }
  // For what gives back: it counts, and is made in any case.
  template <class Call, class... Arguments>
  static int pass_dead(sqlite3_file* f, Call call, Arguments... arguments) {
    at(f).by->lives();
    sqlite3_file* const next = at(f).next();
    return (next->pMethods->*call)(next, arguments...);
  }

  static int open(sqlite3_vfs* v, const char* name, sqlite3_file* f, int flags, int* given) {
    f->pMethods = nullptr;
    dying_vfs& self = of(v);
    if (!self.lives()) return SQLITE_CANTOPEN;
    at(f).by = &self;
    const int code = self.next_->xOpen(self.next_, name, at(f).next(), flags, given);
    if (code == SQLITE_OK) f->pMethods = &file_calls;
    return code;
  }
  static int remove(sqlite3_vfs* v, const char* path, int sync) {
    return of(v).lives() ? of(v).next_->xDelete(of(v).next_, path, sync) : SQLITE_IOERR;
  }
  static int access(sqlite3_vfs* v, const char* path, int what, int* to) {
    return of(v).lives() ? of(v).next_->xAccess(of(v).next_, path, what, to) : SQLITE_IOERR;
  }

  using methods = sqlite3_io_methods;
  static inline const sqlite3_io_methods file_calls = {
      2,
      [](sqlite3_file* f) {
        f->pMethods = nullptr;
        return at(f).next()->pMethods->xClose(at(f).next());
      },
      [](sqlite3_file* f, void* to, int size, sqlite3_int64 offset) {
        return pass(f, &methods::xRead, to, size, offset);
      },
      [](sqlite3_file* f, const void* from, int size, sqlite3_int64 offset) {
        return pass(f, &methods::xWrite, from, size, offset);
      },
      [](sqlite3_file* f, sqlite3_int64 size) { return pass(f, &methods::xTruncate, size); },
      [](sqlite3_file* f, int flags) { return pass(f, &methods::xSync, flags); },
      [](sqlite3_file* f, sqlite3_int64* to) { return pass(f, &methods::xFileSize, to); },
      [](sqlite3_file* f, int level) { return pass(f, &methods::xLock, level); },
      [](sqlite3_file* f, int level) { return pass_dead(f, &methods::xUnlock, level); },
      [](sqlite3_file* f, int* to) { return pass(f, &methods::xCheckReservedLock, to); },
      [](sqlite3_file* f, int what, void* argument) {
        return at(f).next()->pMethods->xFileControl(at(f).next(), what, argument);
      },
      [](sqlite3_file* f) { return at(f).next()->pMethods->xSectorSize(at(f).next()); },
      [](sqlite3_file* f) { return at(f).next()->pMethods->xDeviceCharacteristics(at(f).next()); },
      [](sqlite3_file* f, int number, int size, int make, void volatile** to) {
        return pass(f, &methods::xShmMap, number, size, make, to);
      },
      [](sqlite3_file* f, int first, int count, int flags) {
        return (flags & SQLITE_SHM_UNLOCK) != 0
                   ? pass_dead(f, &methods::xShmLock, first, count, flags)
                   : pass(f, &methods::xShmLock, first, count, flags);
      },
      [](sqlite3_file* f) { at(f).next()->pMethods->xShmBarrier(at(f).next()); },
      [](sqlite3_file* f, int remove) { return pass_dead(f, &methods::xShmUnmap, remove); },
      nullptr,
      nullptr,
  };

  sqlite3_vfs calls_;
  sqlite3_vfs* next_ = nullptr;
  std::uint64_t left_ = std::numeric_limits<std::uint64_t>::max();
  bool is_dead_ = false;
  bool recovers_ = false;
};

}  // namespace coramfs::tests
