// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/error.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/options.hpp>
#include <coramfs/pinned.hpp>
#include <coramfs/result.hpp>
#include <coramfs/volume.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

struct sqlite3;

namespace coramfs::sqlite {

namespace detail {
class registration;
}

/// How the files of databases behave.
struct vfs_options {
  /// What a write does that finds no room in the quota. With `when_full::wait` it waits, as long as
  /// `patience` says, and keeps all connections from the file that it writes to meanwhile. As all
  /// connections to a file share it, that is as the one has it that opens the file first, by
  /// whichever VFS.
  when_full on_full = when_full::reject;
  /// How long a connection waits that begins to read while another one is writing, and how long
  /// for a file that is open outside of SQLite. It waits in a fair queue, and no busy handler is
  /// called for it. Every other conflict of locks is `SQLITE_BUSY` at once, for which a connection
  /// has its `busy_timeout`.
  lock_timeout patience = std::chrono::seconds(5);
  /// Whether SQLite may write a transaction without a journal, as a batch of atomic writes. It does
  /// so where it was compiled with `SQLITE_ENABLE_BATCH_ATOMIC_WRITE`, which Debian's is not. What
  /// is overwritten is kept in the volume, and charged, until the transaction is committed.
  bool batch_atomic = true;
};

/// A VFS of SQLite's by which databases are files of a volume: any number of connections, on any
/// threads, share a database that is charged to the quota and goes with the volume.
///
/// Each database, each journal and each write-ahead log is a file of the volume. To everybody else
/// it is one open file while any connection has it open: `open` of it waits, `remove` and `rename`
/// are `busy`, and `stat` shows it. While all its connections only read (`SQLITE_OPEN_READONLY`),
/// others may read it, too, unless it is in WAL mode; the first one that may write waits for those.
///
/// All connections of the process to one path of one volume share it, whichever VFS they come by.
/// SQLite's locks are between connections, as its unix VFS has them. Every journal mode works, also
/// WAL, whose index is in memory of the process, and is charged. Temporary files have no name, and
/// are charged, too. Nothing is ever lost by a crash that would not lose the volume, so there is
/// nothing to be synced; what counts is a connection that is closed, or dies, in the middle, and
/// after that the next one finds what it would find on a disk.
///
/// **Paths** are those of the volume; parents are not made. `:memory:` is SQLite's own. Whoever
/// composes a URI of what a user has typed should know that it may name any VFS of the process.
///
/// **Errors** become result codes: `quota_exceeded`, `node_limit_exceeded` and `memory_guard` are
/// `SQLITE_FULL`; `timed_out`, `would_block` and `busy` are `SQLITE_BUSY`, but `SQLITE_FULL` for a
/// wait for room; `out_of_memory` is `SQLITE_IOERR_NOMEM`; whatever else keeps a file from being
/// opened is `SQLITE_CANTOPEN`. `last_error` has the numbers. After `SQLITE_FULL` SQLite rolls
/// back, which needs no room, and the database is as before. In the journal mode OFF it can not
/// roll back, and the database may be malformed then, as on a disk; and in MEMORY only a connection
/// that lives can. While an `image` of the database is held, its pages can not be changed without
/// room for a copy. Only a rollback for a connection that has died may need such room, if the file
/// was pinned or shared after that; where it is refused, whoever comes when the pin has gone does
/// it. No room is kept for a rollback: until a transaction ends nobody can pin or share what it has
/// written, and when its connection has died nothing is open that could keep any.
///
/// It blocks: SQLite knows nothing else. A connection that is used on the only thread of a context
/// may wait there for a coroutine that needs this very thread, until its patience ends.
///
/// Lifetime: it is movable, and SQLite knows it until it is destroyed and all files are closed that
/// were opened by it. So connections outlive it, and the volume lives as long as their files. One
/// without an open file (`:memory:`, a temporary database, one that was deserialized into) outlives
/// it, too, but opens no file any more: that is `SQLITE_CANTOPEN`. As nobody learns when SQLite has
/// done with a VFS, a record of some 300 bytes of each stays until the process ends.
///
/// Thread safety: all members may be called from many threads at once. A connection goes by
/// SQLite's rules.
///
///     coramfs::volume v = coramfs::volume::create().value();
///     coramfs::sqlite::vfs vfs = coramfs::sqlite::vfs::create(v).value();
///     std::string uri = vfs.uri("/accounts.db");
///     // sqlite3_open_v2(uri.c_str(), &db,
///     //                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI, nullptr);
class CORAMFS_EXPORT vfs {
 public:
  /// Registers a VFS with SQLite, under the name "coramfs-1", "coramfs-2" and so on. SQLite's
  /// default stays what it is.
  ///
  /// Errors: `invalid_argument` for an unknown enumerator; `not_supported` where SQLite was
  /// compiled for a single thread; `out_of_memory`. Charges nothing.
  static result<vfs> create(volume over, vfs_options options = {});

  /// The name that SQLite knows it by. Precondition: it was not moved from.
  const std::string& name() const noexcept;
  /// What `sqlite3_open_v2` opens a path by, with `SQLITE_OPEN_URI`, and `ATTACH` where URIs are
  /// enabled: "file:/accounts.db?vfs=coramfs-1". All that has a meaning in a URI is escaped in the
  /// path. `parameters` are more of them, as they stand in a URI: "cache=private&mode=ro". A path
  /// with a NUL becomes one that is refused.
  ///
  /// May throw `std::bad_alloc`.
  std::string uri(std::string_view path, std::string_view parameters = {}) const;

 private:
  explicit vfs(std::shared_ptr<detail::registration> made) noexcept : made_(std::move(made)) {}

  std::shared_ptr<detail::registration> made_;
};

/// Why the last call failed that failed in the volume for a connection since it has begun to read
/// last, with its numbers: of its database `schema`, its journal or its log. It is the one to ask
/// after `SQLITE_FULL`, `SQLITE_IOERR` and `SQLITE_CANTOPEN`; its code is 0 if there was none, as
/// where SQLite itself has a limit. For a connection that could not be opened it is what has failed
/// last in this thread.
CORAMFS_EXPORT error last_error(sqlite3* connection, const char* schema = "main") noexcept;

/// The category of SQLite's result codes, for the errors of a `store`.
CORAMFS_EXPORT const std::error_category& category() noexcept;

/// The bytes of a database, as they are: for `sqlite3_deserialize`, with
/// `SQLITE_DESERIALIZE_READONLY` and without a copy where the pin is one run of bytes, or to be
/// sent elsewhere. No byte is copied.
///
/// It waits until nobody writes to the database, as one who begins to read. While the pin is held,
/// whoever changes a page of the database needs room for a copy of the block that has it.
///
/// Errors: those of `sync::file_system::open` for reading, or in WAL mode for an update, where
/// `timed_out` may also be that a connection is writing for too long; `busy` while there is a
/// journal with something to be rolled back, or a log with something that is not in the database,
/// and while a connection writes to that: a checkpoint (`PRAGMA wal_checkpoint(TRUNCATE)`) brings
/// it there; `out_of_memory`. Charges: as `sync::file::pin`.
CORAMFS_EXPORT result<pinned> image(const volume& over, std::string_view path);

}  // namespace coramfs::sqlite
