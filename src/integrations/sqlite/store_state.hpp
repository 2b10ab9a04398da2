// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>
#include <coramfs/rw_lock.hpp>
#include <coramfs/sqlite.hpp>
#include <coramfs/sync/file_system.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

struct sqlite3;

namespace coramfs::sqlite::detail {

struct closes_handle {
  void operator()(sqlite3* db) const noexcept;
};
/// A handle of SQLite's, which is closed at the end.
using owned_handle = std::unique_ptr<sqlite3, closes_handle>;

/// What a store is, for its handles and for the connections that are open. Each call blocks.
///
/// Of a hot store it has a connection of its own, the anchor, from when the database is loaded
/// until it is saved: memdb forgets a database with its last connection.
///
/// Thread safety: safe. Order of locks: `in_use_`, `mutex_`, and then whatever SQLite has.
class store_state : public std::enable_shared_from_this<store_state> {
 public:
  store_state(volume over, std::string path, const store_options& options);

  // As those of `sync::store`.
  result<connection> connect();
  result<std::uint64_t> save();
  result<std::uint64_t> save_to(std::string path);

  /// Ends a connection that `connect` has made, and saves if it is the last one of a hot store.
  void leave(sqlite3* db) noexcept;

  /// Held shared by every connection, and alone by who closes the store.
  rw_lock& in_use() noexcept { return in_use_; }
  /// Saves what was changed, and ends the store. Precondition: the caller has `in_use()` alone.
  result<void> finish();

 private:
  bool is_hot() const noexcept { return options_.kind == store_kind::hot; }
  result<void> make_vfs();
  result<owned_handle> open(const std::string& uri, int flags);
  result<owned_handle> open_file(const std::string& path, int flags);
  result<owned_handle> open_hot();
  result<owned_handle> open_next();
  result<void> load();
  result<bool> is_changed();
  /// A name beside the path for a file that is to take its place.
  result<std::string> free_name(const std::string& path);
  /// Whether all of a database is in its file, and nothing in a log or a journal beside it. Errors:
  /// as `has_live_journal`.
  result<bool> is_whole(const std::string& path, lock_timeout patience);
  /// Puts a new file in the place of a database, or where there is none yet. Errors: those of
  /// `rename`; `busy` also if a log or a journal beside the path would be applied to the new one.
  result<void> replace(const std::string& path, const std::string& by);
  result<std::uint64_t> save_anchor(const std::string& path);
  result<std::uint64_t> save_changes();

  coramfs::sync::file_system fs_;
  const std::string path_;
  const store_options options_;
  const std::string hot_uri_;

  rw_lock in_use_;
  std::mutex mutex_;
  std::optional<vfs> vfs_;  // guarded by mutex_, as is all below; made by the first connection
  owned_handle anchor_;     // of a hot store whose database is in memory
  std::string version_;     // of the anchor's database, as it is in the file
  int connections_ = 0;     // to a hot one
  bool is_closed_ = false;
};

}  // namespace coramfs::sqlite::detail
