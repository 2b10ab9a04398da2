// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>
#include <coramfs/sync/file_system.hpp>
#include <coramfs/volume.hpp>

#include "integrations/sqlite/database_file.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace coramfs::sqlite::detail {

/// The files of one volume that connections of the process have open. There is one of these for a
/// volume, whichever VFS a connection comes by.
///
/// Invariant: a `database_file` is in the table while it has a use, unless it is lost, and its
/// handle is closed before it leaves the table. So nobody of the process ever waits for the lock
/// that another one of the process holds.
///
/// Paths are in their normal form. What may throw `std::bad_alloc` is not `noexcept`.
///
/// Thread safety: safe.
class open_files {
 public:
  static std::shared_ptr<open_files> of(const volume& over);
  /// Used by `of`.
  explicit open_files(volume over) noexcept : fs_(std::move(over)) {}
  open_files(const open_files&) = delete;
  open_files& operator=(const open_files&) = delete;
  ~open_files();

  /// Opens a file, or joins those who have. Each success is a use, which `close` ends. Errors: as
  /// `database_file::open`.
  result<std::shared_ptr<database_file>> open(std::string_view path, const file_request& how);
  /// Ends a use. The last one closes the file, and removes it if that was wanted meanwhile.
  void close(const std::shared_ptr<database_file>& file) noexcept;
  /// Removes a file. One that is open is emptied, and goes with its last use, unless somebody
  /// writes to it before.
  ///
  /// Errors: as `sync::file_system::remove`.
  result<void> remove(std::string_view path);
  /// Whether there is anything but an empty file.
  result<bool> has_content(std::string_view path);

  const volume& get_volume() const noexcept { return fs_.get_volume(); }

 private:
  /// The file of the table, or a new one, with one more use. Errors: `not_found`.
  result<std::shared_ptr<database_file>> join(std::string_view path, const file_request& how);

  coramfs::sync::file_system fs_;
  std::mutex mutex_;
  std::map<std::string_view, std::shared_ptr<database_file>> open_;  // guarded by mutex_
};

}  // namespace coramfs::sqlite::detail
