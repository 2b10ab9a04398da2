// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/fair_lock.hpp>
#include <coramfs/detail/waiting.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/options.hpp>
#include <coramfs/pinned.hpp>
#include <coramfs/result.hpp>
#include <coramfs/sync/file.hpp>
#include <coramfs/sync/file_system.hpp>

#include "integrations/sqlite/lock_state.hpp"
#include "integrations/sqlite/wal_index.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <shared_mutex>
#include <string>
#include <utility>

namespace coramfs::sqlite::detail {

/// How a connection opens a file.
struct file_request {
  bool may_write = true;
  bool may_create = false;
  bool must_create = false;
  bool is_likely_new = false;  // as a rollback journal is
  bool is_database = false;
  bool goes_when_closed = false;  // with the last who has it open
  bool goes_when_empty = false;   // then, if it is empty: a log, which all make who only read
  lock_timeout patience;          // for the lock of the file in the volume
  when_full on_full;
};

/// A file of the volume as all connections of the process have it: a database, a journal or a log.
/// There is one for each path, as long as any connection has it open.
///
/// It has one handle, and with it the file's lock in the volume, for all of them: exclusive, but as
/// long as all only read a database that has no log, shared. SQLite's own locks are beside it. To
/// everybody else the database is one open file.
///
/// Bytes are read by any number of threads at once, and written by one alone.
///
/// Thread safety: safe. Order of locks: `opening_`, the gate of `locks` and then its readers' lock,
/// `io_`. The mutex of `open_files` may be held before `io_`.
class database_file {
 public:
  /// An empty path is for a file without a name.
  database_file(coramfs::sync::file_system in, std::string path)
      : fs_(std::move(in)), path_(std::move(path)) {}

  const std::string& path() const noexcept { return path_; }

  /// Opens the file, unless another connection has. A handle that only reads gives way to one that
  /// writes when nobody reads by it; others may have the file in between.
  ///
  /// Errors: those of `sync::file_system::open`, and `timed_out` where others of the process are
  /// opening or reading it for too long.
  result<void> open(const file_request& how);
  /// Begins to read: raises what `by` has locked from none to shared. Where the handle was let go
  /// of for one that was to write, and not had back, it is opened anew.
  ///
  /// Errors: `busy` where others write; those of `sync::file_system::open`; `not_found` if the file
  /// has gone since, also where there is another one at its path.
  result<void> begin_to_read(lock_state::holder& by, const file_request& how);
  /// Whether the file has gone while the handle was let go of. It never comes back: who opens the
  /// path has another object.
  bool is_lost() const noexcept { return is_lost_; }
  /// Closes the handle. Nobody has the file open any more.
  void close() noexcept;
  /// Takes all content away, in the place of a removal while it is open. Errors: `not_writable`.
  result<void> discard();
  /// Whether it is open and has no byte.
  bool is_empty();
  /// Whether it was discarded, and nobody has written to it since.
  bool is_gone() const noexcept { return is_gone_; }

  /// As those of `sync::file`.
  /// @{
  result<std::size_t> read_at(std::uint64_t offset, asio::mutable_buffer to);
  result<std::size_t> write_at(std::uint64_t offset, asio::const_buffer from);
  result<void> truncate(std::uint64_t size);
  result<std::uint64_t> size();
  result<pinned> pin();
  /// @}

  /// A file without a name, of the same volume. Errors: those of `sync::file_system::open_unnamed`.
  result<coramfs::sync::file> open_scratch(const file_request& how);

  /// What connections to a database have locked, and the index of its log.
  /// @{
  lock_state locks;
  wal_index index;
  /// @}

 private:
  friend class open_files;

  result<coramfs::sync::file> open_handle(const file_request& how, coramfs::detail::deadline until);
  result<coramfs::sync::file> open_to_read(const file_request& how,
                                           coramfs::detail::deadline until);
  result<bool> has_log(coramfs::sync::file& database);
  result<void> open_first(const file_request& how, coramfs::detail::deadline until);
  result<void> open_again(file_request how, coramfs::detail::deadline until);
  result<void> make_writable(const file_request& how, coramfs::detail::deadline until);

  coramfs::sync::file_system fs_;
  const std::string path_;
  coramfs::detail::fair_lock opening_;
  std::shared_mutex io_;
  coramfs::sync::file file_;              // guarded by io_
  std::atomic<bool> has_handle_ = false;  // changed under io_
  std::atomic<bool> is_gone_ = false;     // changed under io_
  std::uint64_t id_ = 0;                  // of a database's file; guarded by opening_
  std::atomic<bool> is_lost_ = false;     // changed under opening_
  // Guarded by the mutex of `open_files`: how many have it open, and whether it goes with the last.
  int uses_ = 0;
  bool goes_when_closed_ = false;
  bool goes_when_empty_ = false;
};

}  // namespace coramfs::sqlite::detail
