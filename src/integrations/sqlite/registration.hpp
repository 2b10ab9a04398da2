// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>
#include <coramfs/sqlite_vfs.hpp>
#include <coramfs/volume.hpp>

#include "integrations/sqlite/open_files.hpp"

#include <memory>
#include <string>

#include <sqlite3.h>

namespace coramfs::sqlite::detail {

/// A VFS that SQLite knows by its name, from when it is made until it is destroyed. The `vfs` that
/// it was made for keeps it, and each file that a connection has open by it.
class registration : public std::enable_shared_from_this<registration> {
 public:
  /// Errors: `not_supported`; `out_of_memory`.
  static result<std::shared_ptr<registration>> make(const volume& over, const vfs_options& options);
  ~registration();

  const std::string& name() const noexcept { return name_; }
  const vfs_options& options() const noexcept { return options_; }
  open_files& files() const noexcept { return *files_; }
  /// The VFS of the system, for what has nothing to do with files.
  sqlite3_vfs& system() const noexcept { return *system_; }

  static registration& of(sqlite3_vfs* calls) noexcept {
    return *static_cast<registration*>(calls->pAppData);
  }

 private:
  registration(const volume& over, const vfs_options& options, sqlite3_vfs& system);

  const vfs_options options_;
  const std::string name_;
  const std::shared_ptr<open_files> files_;
  sqlite3_vfs* const system_;
  sqlite3_vfs calls_;
  bool is_registered_ = false;
};

}  // namespace coramfs::sqlite::detail
