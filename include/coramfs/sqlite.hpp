// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/blocking_pool.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/export.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/result.hpp>
#include <coramfs/sqlite_vfs.hpp>
#include <coramfs/sync/file_system.hpp>
#include <coramfs/volume.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace coramfs::sqlite {

namespace detail {
class store_state;
}

/// Where the database of a `store` is while it is used. `live`: it is the file in the volume.
/// `hot`: it is in memory of SQLite's, which the quota does not know of, as its "memdb" VFS has it:
/// it is loaded from the file by the first connection, and saved when the last one closes.
enum class store_kind : unsigned char { live, hot };

/// How a `store` keeps its database.
struct store_options {
  store_kind kind = store_kind::live;  ///< where it is
  /// Bytes: how large a hot database may grow.
  std::uint64_t max_size = 1024 * 1024 * 1024;
  /// What each connection has for a busy handler: how long it tries again what is `SQLITE_BUSY`.
  std::chrono::milliseconds busy_timeout = std::chrono::seconds(5);
  /// For the files of the volume.
  vfs_options files = {};
  /// Where the calls of SQLite's are made for coroutines. If null, on up to four threads of the
  /// store's own.
  blocking_pool* pool = nullptr;
};
// g++ 12 destroys some temporaries of a co_await expression twice.
static_assert(std::is_trivially_destructible_v<store_options>);

/// A connection to the database of a `store`. It is move-only; a moved-from one has none. The
/// destructor closes it, which rolls back what is not committed. If it is the last one of a hot
/// store that saves the database, in the calling thread.
///
/// Lifetime: it outlives its store.
///
/// Thread safety: as SQLite has it for one connection.
class CORAMFS_EXPORT connection {
 public:
  /// Has no connection.
  connection() noexcept = default;
  /// The other one has none then; and it has this one's, where it is assigned to.
  /// @{
  connection(connection&& other) noexcept
      : of_(std::move(other.of_)), db_(std::exchange(other.db_, nullptr)) {}
  connection& operator=(connection&& other) noexcept {
    std::swap(of_, other.of_);
    std::swap(db_, other.db_);
    return *this;
  }
  /// @}
  ~connection();

  /// SQLite's handle, which this object closes; null if it has none.
  sqlite3* get() const noexcept { return db_; }

 private:
  friend class detail::store_state;
  connection(std::shared_ptr<detail::store_state> of, sqlite3* db) noexcept
      : of_(std::move(of)), db_(db) {}

  std::shared_ptr<detail::store_state> of_;
  sqlite3* db_ = nullptr;
};

namespace detail {

/// What both kinds of a store call: each blocks.
struct CORAMFS_EXPORT store_access {
  static std::shared_ptr<store_state> make(volume over, std::string path,
                                           const store_options& options);
  static result<connection> connect(const std::shared_ptr<store_state>& s);
  static result<std::uint64_t> save(const std::shared_ptr<store_state>& s);
  static result<std::uint64_t> save(const std::shared_ptr<store_state>& s, std::string path);
  static result<void> close(const std::shared_ptr<store_state>& s);
  static asio::awaitable<result<void>> close_in_pool(std::shared_ptr<store_state> s,
                                                     blocking_pool& pool);
};

/// Calls `f` with a connection of its own.
template <class F>
auto run_on_connection(const std::shared_ptr<store_state>& s, F& f)
    -> result<typename coramfs::detail::value_in<std::invoke_result_t<F&, sqlite3*>>::type> {
  BOOST_OUTCOME_TRY(const connection c, store_access::connect(s));
  if constexpr (std::is_void_v<std::invoke_result_t<F&, sqlite3*>>) {
    f(c.get());
    return boost::outcome_v2::success();
  } else {
    return f(c.get());
  }
}

}  // namespace detail

/// A database in a file of a volume, for many connections of coroutines. All calls of SQLite's that
/// it makes are made by the threads of a pool.
///
/// A live store is the file itself, by a VFS of its own: what is committed is in the file. A hot
/// one is a copy in SQLite's own memory, which is loaded by the first connection and saved when the
/// last one closes, or by `save`, if it was changed since: whole or not at all, into a new file
/// that takes the place of the old one. A hot database whose save was refused is kept, and goes on:
/// the next connection finds it, and `save` or `close` tries again. It ends with the store. As it
/// is loaded and saved as a whole, one keeps a connection open where many are opened one after the
/// other.
///
/// A hot database has the locks of SQLite's memdb, one writer and no reader, or readers, and no
/// log: the file of one that was in WAL mode is so no more once it is saved. Who saves it waits for
/// the writer as a connection would. Two hot stores of one file know nothing of each other: the
/// last one that saves wins.
///
/// Lifetime: it must live while a call of it lasts. The connections outlive it, and the volume and
/// the database live as long as they do.
///
/// Thread safety: all members may be called from many threads at once.
///
/// Errors of SQLite's have its extended result code in `category()`, where the volume has no more
/// to say; where it has, the error is the volume's, with its numbers, as `last_error` gives it.
///
///     coramfs::sqlite::store store(fs, "/accounts.db");
///     auto make = [](sqlite3* db) {
///       return db != nullptr;  // sqlite3_exec(db, "CREATE TABLE accounts(n)", ...);
///     };
///     auto made = co_await store.run(make);
///     if (!made) co_return made.error();
///     auto closed = co_await store.close();
///     if (!closed) co_return closed.error();
class CORAMFS_EXPORT store {
 public:
  /// A store of the file at `path`, which need not be there yet; its parent must, when the first
  /// connection comes, or, for a hot store, when it is saved. Nothing is opened. May throw
  /// `std::bad_alloc`.
  store(const file_system& in, std::string path, store_options options = {});
  store(const store&) = delete;
  store& operator=(const store&) = delete;
  ~store();

  /// Opens a connection, and loads the database of a hot store if this is the first one. It
  /// completes when that is done, and resumes on the awaiting coroutine's executor.
  ///
  /// Cancellation: as for `offload`: it is heard until the pool has begun with it.
  ///
  /// Errors: `not_open` once a `close` is waiting or has succeeded; those of `vfs::create`;
  /// `invalid_argument` for an unknown enumerator; those of `sync::file_system::open`;
  /// `SQLITE_NOTADB` and `SQLITE_CORRUPT` of a hot store for a file that is no database,
  /// `SQLITE_FULL` for one that is larger than `max_size`; `canceled`; `out_of_memory`. The file is
  /// as it was then, but that what a log or a journal beside it has is brought into it. Charges: as
  /// `sync::file_system::open` for a live store.
  asio::awaitable<result<connection>> connect();
  /// Saves a hot database, whether it was changed or not, while others go on using it; for a live
  /// store there is nothing to do. Returns the size of the file.
  ///
  /// Cancellation: as for `connect`.
  ///
  /// Errors: `not_found` if the database was neither loaded nor made; those of
  /// `sync::file_system::open` and of a write; `busy` if the file is open, and if a log or a
  /// journal beside it has what is not in the file, which SQLite would apply to the new one:
  /// whoever opens the old database for writing, reads from it and closes it brings that in and
  /// takes it away, if there is room for it; SQLite's where a connection is writing for longer than
  /// `busy_timeout`; `canceled`; `out_of_memory`. The old file is there then. Charges: the new
  /// file, until the end beside the old one.
  asio::awaitable<result<std::uint64_t>> save();
  /// Saves the database, of either kind, into another file, which is replaced if it is there. For a
  /// live store that is a compact copy (`VACUUM INTO`). Returns its size. Errors and charges: as
  /// the form above, and of a live store those of `connect`.
  asio::awaitable<result<std::uint64_t>> save(std::string path);
  /// Waits until all connections are closed, lets none be opened meanwhile, and saves a hot
  /// database that was changed. No thread is blocked by the wait.
  ///
  /// Cancellation: all types that the coroutine's filter lets through are heard while it waits, and
  /// as for `connect` after that. The store is open then.
  ///
  /// Errors: as `save`: the database is kept then, and the store open; `canceled`. A second close
  /// does nothing.
  asio::awaitable<result<void>> close();
  /// Calls `f(sqlite3*)` on a thread of the pool, with a connection that is opened for it and
  /// closed after it, and returns what it returns, a `T` or a `result<T>`.
  ///
  /// It resumes on the awaiting coroutine's executor. `f` is moved or copied at the call, and what
  /// it uses by reference must live until it has ended. What it throws is thrown to who awaits it.
  ///
  /// Cancellation: as for `offload`: `f` is not interrupted. Errors: those of `connect`; those of
  /// `f`.
  template <std::invocable<sqlite3*> F>
  auto run(F f) {
    auto work = [s = state_, f = std::move(f)]() mutable {
      return detail::run_on_connection(s, f);
    };
    return offload(pool_, std::move(work));
  }

 private:
  std::unique_ptr<blocking_pool> own_pool_;  // null if the user has one
  blocking_pool& pool_;
  std::shared_ptr<detail::store_state> state_;
};

namespace sync {

/// A `store` for threads: the same names, arguments and results, and each call blocks the calling
/// thread. `close` waits for as long as it takes. `store_options::pool` is not used.
///
///     coramfs::sqlite::sync::store store(fs, "/accounts.db");
///     coramfs::sqlite::connection db = store.connect().value();
///     // sqlite3_exec(db.get(), "CREATE TABLE accounts(n)", nullptr, nullptr, nullptr);
class store {
 public:
  /// As `sqlite::store`; for errors and charges of all members see there.
  /// @{
  store(const coramfs::sync::file_system& in, std::string path, const store_options& options = {})
      : state_(detail::store_access::make(in.get_volume(), std::move(path), options)) {}
  store(const store&) = delete;
  store& operator=(const store&) = delete;
  result<connection> connect() { return detail::store_access::connect(state_); }
  result<std::uint64_t> save() { return detail::store_access::save(state_); }
  result<std::uint64_t> save(std::string path) {
    return detail::store_access::save(state_, std::move(path));
  }
  result<void> close() { return detail::store_access::close(state_); }
  template <std::invocable<sqlite3*> F>
  auto run(F f) {
    return detail::run_on_connection(state_, f);
  }
  /// @}

 private:
  std::shared_ptr<detail::store_state> state_;
};

}  // namespace sync

}  // namespace coramfs::sqlite
