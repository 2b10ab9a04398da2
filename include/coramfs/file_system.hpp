// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/path_argument.hpp>
#include <coramfs/entries.hpp>
#include <coramfs/file.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/result.hpp>
#include <coramfs/volume.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace coramfs {

/// A volume, for coroutines.
///
/// Every operation is a coroutine: it does nothing until it is awaited, completes without
/// suspending where nothing has to be waited for, and resumes on the awaiting coroutine's
/// executor where something has. Paths are copied at the call, so the awaitable may outlive
/// them; buffers must live until completion.
///
/// Only `open`, `read_file` and `write_file` can wait, each for one file's lock and no longer
/// than their timeout. While one waits, all else on the volume goes on. A wait that is cancelled
/// (a coroutine's default filter lets only terminal cancellation through) ends with `canceled`
/// and leaves nothing behind; what need not wait completes in spite of a cancellation. The lock
/// is not re-entrant: a coroutine that opens for writing what it has open waits for itself until
/// the timeout.
///
/// Lifetime: cheap to copy; a copy shares the volume. An operation keeps what it needs alive.
///
/// Thread safety: all members may be called from many threads and coroutines at once.
///
/// Errors that any operation with a path may give: `invalid_path`, `name_too_long`;
/// `not_found` and `not_a_directory` for what is above the last name; `out_of_memory`.
///
///     auto fs = coramfs::file_system::create(co_await asio::this_coro::executor).value();
///     auto f = co_await fs.open("/dl/a.zip", coramfs::open_mode::write);
class CORAMFS_EXPORT file_system {
 public:
  using executor_type = asio::any_io_executor;

  /// A file system over a volume of its own. Errors: those of `volume::create`.
  static result<file_system> create(executor_type executor, volume_options = {});

  /// A file system over a volume that others may share, `sync::file_system` among them.
  file_system(executor_type executor, volume over);

  executor_type get_executor() const { return *executor_; }
  const volume& get_volume() const noexcept { return volume_; }

  /// Opens a file and takes its lock, which the file holds until it is closed. Waits for the
  /// lock as long as `options.timeout` says, behind all who came before.
  ///
  /// A new file appears already locked. `open_mode::write` empties an existing file once it
  /// holds the lock and nothing can fail any more.
  ///
  /// Errors: `invalid_argument` for `preallocate` with `open_mode::read`; `is_a_directory`;
  /// `not_found` (`read`, `update`); `already_exists` (`create`, at once, even if locked);
  /// `would_block` (immediate), `timed_out`, `canceled`; `node_limit_exceeded` and
  /// `quota_exceeded` for a new node and for the preallocation; `not_supported` for
  /// `when_full::wait`, which this version does not offer.
  /// A refused open leaves no new file and no emptied old one.
  /// Charges: a new file's node and name, and the preallocation.
  asio::awaitable<result<file>> open(path_argument path, open_mode mode,
                                     open_options options = {});

  /// Makes one directory, whose parent exists. Errors: `already_exists`,
  /// `node_limit_exceeded`, `quota_exceeded`.
  asio::awaitable<result<void>> create_directory(path_argument path);

  /// Makes a directory with its missing parents, all or none. True: it was made by this call.
  /// Errors: `already_exists` for a file at the path; `node_limit_exceeded`, `quota_exceeded`.
  asio::awaitable<result<bool>> create_directories(path_argument path);

  /// Removes a file and gives back its charge. Errors: `is_a_directory`; `busy` if it is open.
  asio::awaitable<result<void>> remove(path_argument path);

  /// Removes a directory with all below it. Errors: `not_a_directory`; `invalid_argument` for
  /// the root; `busy` if a file below is open, and nothing is removed then.
  asio::awaitable<result<void>> remove_tree(path_argument path);

  /// The names in a directory, sorted as unsigned bytes. Errors: `not_a_directory`.
  asio::awaitable<result<std::vector<std::string>>> list(path_argument path);

  /// What is at the path; false also for an invalid path. They take no lock of a file.
  asio::awaitable<result<bool>> exists(path_argument path);
  asio::awaitable<result<bool>> is_file(path_argument path);
  asio::awaitable<result<bool>> is_directory(path_argument path);

  /// Size, times and generation, as of one moment, also while the file is being written.
  asio::awaitable<result<file_status>> stat(path_argument path);

  /// The size of a file, with what an open writer has written. Errors: `is_a_directory`.
  asio::awaitable<result<std::uint64_t>> file_size(path_argument path);

  /// A whole file, read under its shared lock with the volume's default timeout.
  ///
  /// Errors: `is_a_directory`; `too_large` above `max_size` bytes, before anything is allocated;
  /// `would_block`, `timed_out`, `canceled`.
  asio::awaitable<result<bytes>> read_file(path_argument path,
                                           std::optional<std::uint64_t> max_size = {});

  /// Makes a file of `content`, or replaces a file's content by it in one step under its
  /// exclusive lock, with the volume's default timeout. `content` must live until completion.
  ///
  /// Errors: `is_a_directory`; `would_block`, `timed_out`, `canceled`; `node_limit_exceeded`,
  /// `quota_exceeded`. A content that costs no more than the old one is never refused for
  /// space, and after a failure the old content is there.
  /// Charges: what the new content costs beyond the old.
  asio::awaitable<result<void>> write_file(path_argument path, asio::const_buffer content);

  /// One snapshot of the volume's figures.
  asio::awaitable<result<volume_stats>> stats();

 private:
  // Not members: an operation may run longer than the object that began it lives.
  static asio::awaitable<result<file>> open_in(volume v, std::shared_ptr<const executor_type> e,
                                               path_argument path, open_mode mode,
                                               open_options options);

  volume volume_;
  std::shared_ptr<const executor_type> executor_;
};

}  // namespace coramfs
