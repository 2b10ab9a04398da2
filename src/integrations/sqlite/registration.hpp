// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>
#include <coramfs/sqlite_vfs.hpp>
#include <coramfs/volume.hpp>

#include "integrations/sqlite/open_files.hpp"

#include <array>
#include <memory>
#include <string>

#include <sqlite3.h>

namespace coramfs::sqlite::detail {

class registration;

/// What SQLite has of a VFS of ours. It is never freed: a connection points to the VFS that it was
/// opened by until it is closed, also where it has no file open by it any more, or none yet, and
/// nobody is told when that ends.
struct vfs_face {
  sqlite3_vfs calls;  // its `pAppData` is this object
  std::array<char, 32> name;
  sqlite3_vfs* system;  // for what has nothing to do with files
  // Never changed once SQLite knows the VFS, so any thread may read it.
  std::weak_ptr<registration> behind;
  vfs_face* next;  // in the list of all, by which leak checkers see them
};

/// A VFS that SQLite knows by its name, from when it is made until it is destroyed. The `vfs` that
/// it was made for keeps it, and each file that a connection has open by it.
class registration {
 public:
  /// Errors: `not_supported`; `out_of_memory`.
  static result<std::shared_ptr<registration>> make(const volume& over, const vfs_options& options);
  ~registration();

  const std::string& name() const noexcept { return name_; }
  const vfs_options& options() const noexcept { return options_; }
  open_files& files() const noexcept { return *files_; }

  /// Null if it has ended.
  static std::shared_ptr<registration> of(sqlite3_vfs* calls) noexcept {
    return static_cast<vfs_face*>(calls->pAppData)->behind.lock();
  }
  static sqlite3_vfs* system_of(sqlite3_vfs* calls) noexcept {
    return static_cast<vfs_face*>(calls->pAppData)->system;
  }

 private:
  registration(const volume& over, const vfs_options& options, std::string name);

  const vfs_options options_;
  const std::string name_;
  const std::shared_ptr<open_files> files_;
  sqlite3_vfs* known_as_ = nullptr;  // null until SQLite knows it
};

}  // namespace coramfs::sqlite::detail
