// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/error.hpp>

#include "integrations/sqlite/atomic_batch.hpp"
#include "integrations/sqlite/database_file.hpp"
#include "integrations/sqlite/lock_state.hpp"
#include "integrations/sqlite/registration.hpp"
#include "integrations/sqlite/wal_index.hpp"

#include <cstdint>
#include <memory>
#include <optional>

#include <sqlite3.h>

namespace coramfs::sqlite::detail {

/// A file as SQLite has it: what one connection has of a `database_file`. It is made in memory of
/// SQLite's by the VFS's `xOpen`, and destroyed by `xClose`.
///
/// Thread safety: as its connection's, one call at a time.
struct connection_file : sqlite3_file {
  connection_file(std::shared_ptr<registration> vfs, std::shared_ptr<database_file> of,
                  const file_request& how) noexcept;
  connection_file(const connection_file&) = delete;
  connection_file& operator=(const connection_file&) = delete;
  /// Gives back what the connection has locked, too, and puts back what a batch has written that
  /// was not committed: as where it is closed for one that has died.
  ~connection_file();

  /// Ends a batch, if there is one, and makes the database what it was before. Errors: those of
  /// `atomic_batch::put_back`; the batch is there then.
  result<void> put_back_batch() noexcept;

  const std::shared_ptr<registration> by;
  const std::shared_ptr<database_file> file;
  const bool is_database;  // and no journal, log or file of temporary things
  const bool may_write;
  lock_state::holder lock;
  wal_index::user wal;
  // Of a database: what has failed last for its connection, since it has begun to read.
  error last{std::error_code()};
  std::uint64_t chunk_size = 0;  // 0: the file grows by what is written
  std::optional<atomic_batch> batch;
  bool keeps_wal = false;
  bool is_powersafe = true;
};

/// What `sqlite3_file_control` is asked for the last error: no number of SQLite's.
inline constexpr int last_error_opcode = 0x636f7261;

/// Notes the failure of a call that concerns no database, or none that is open: a journal's for
/// instance. What is called next for a database on this thread takes it over.
void note_failure(const error& why) noexcept;
/// Notes the failure of a call for a database.
void note_failure(connection_file& of, const error& why) noexcept;
/// Takes over what was noted on this thread since.
void take_over_failure(connection_file& by) noexcept;
/// Forgets what has failed before: for a connection that begins to read. What was noted on this
/// thread and not been taken over is another's, as it seems.
void forget_failure(connection_file& by) noexcept;
/// Forgets what has failed on this thread.
void forget_failure() noexcept;
/// What has failed last on this thread.
error last_failure() noexcept;

}  // namespace coramfs::sqlite::detail
