// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/blocking_pool.hpp>
#include <coramfs/entries.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/options.hpp>
#include <coramfs/result.hpp>
#include <coramfs/sync/file_system.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <type_traits>

namespace coramfs {

/// What is done about a symbolic link of the host's: by an export in the place of a directory, by
/// an import anywhere below its directory, and there about devices, pipes and sockets, too, and
/// about a directory that is above itself. `refuse`: it fails with `not_supported`. `skip`: it is
/// left out, with what is below it.
enum class host_links { refuse, skip };

/// What has to be on the disk when an export ends. `none`: nothing, the system writes when it likes
/// to. `data`: the content of each file and the names in each directory, as far as the system
/// tells.
enum class host_sync { none, data };

/// How files of a volume become files of the host, and the other way about.
struct host_options {
  if_exists existing = if_exists::fail;     ///< what happens to a file that is there
  host_links special = host_links::refuse;  ///< what happens to links in the way
  host_sync sync = host_sync::none;         ///< of an export: what is on the disk at the end
  /// Of an export: permissions, of 0777, cut by the umask of the process: of files, and of
  /// directories that are made, which must let their maker read, write and enter them if anything
  /// is to come into them.
  /// @{
  std::uint32_t file_mode = 0666;
  std::uint32_t directory_mode = 0777;
  /// @}
  /// How many files at most are given to a thread of the pool at a time, and no more once they have
  /// 1 MiB in all. Content is pinned until it is written, so less than 1 MiB and one file of any
  /// size is what is pinned at most. An import has as many open at a time, but never more than
  /// 64, beside up to 64 directories. With few files the awaited forms spend more on handing over
  /// than on small files; a cancellation is heard between two files in any case.
  unsigned parallel = 32;
  /// Where the calls of the host are made. If null, on two threads of the library's, which are
  /// started at the first use and end with the program. The blocking form uses none.
  blocking_pool* pool = nullptr;
  /// Of an import, with `if_exists::replace`: what happens if a file that is to be replaced is in
  /// use.
  if_open open = if_open::fail;
  /// Of an import: for how long `if_open::wait` waits, for each file anew. If empty, it is the
  /// volume's `default_lock_timeout`.
  std::optional<lock_timeout> timeout = {};
};
// g++ 12 destroys some temporaries of a co_await expression twice.
static_assert(std::is_trivially_destructible_v<host_options>);

/// Writes the file `prefix`, under its own name, or all files and directories below the directory
/// `prefix`, empty ones too, into the directory `dir` of the host. `dir` is made if it is missing,
/// its parents are not. Returns how many files were written.
///
/// Which files and directories there are is found at the start. Each file is pinned as it is at its
/// turn, under its shared lock, which is waited for with the volume's default timeout; no lock is
/// held while it is written. What others remove before its turn is left out. The order is that of
/// `walk`: the files of a directory by their names, then those in the directories below it.
///
/// On the host each file appears whole or not at all, under a name that was free or, with
/// `if_exists::replace`, a file's, which it replaces in one step with its mode and owner. `dir`
/// itself may be a link; below it none is followed, whatever others do to the tree meanwhile. Holes
/// are written as zeros. Names are bytes, and go to the host as they are; times do not.
///
/// After a failure all that comes before it in the order is there, files and directories, and of
/// the rest nothing; after a cancellation, or where memory is missing, up to `parallel` files
/// before it, and the directories among them, may not be there either. Where the host has no
/// unnamed files, or gives them no names, and for a file that is replaced, the new one is called
/// ".coramfs-", a number and ".part" for a while. Such a file stays only if the program dies just
/// then, or the host refuses to remove it.
///
/// No call of the host's is made on the awaiting executor: they are made by the pool, in which they
/// wait for their turn. Only what is still open when the pool is stopped is closed there. It
/// resumes on the awaiting coroutine's executor.
///
/// Cancellation: seen between pieces of 1 MiB; a piece that the kernel writes runs to its end. All
/// types are heard that the coroutine's filter lets through. A context that is destroyed ends it in
/// the same way, without waiting for that. A pool that is stopped or destroyed -> `canceled`.
///
/// Errors, those of the host with its own code and the path on the host: `not_found` for `prefix`;
/// `invalid_argument` for an unknown enumerator, a mode with other bits than 0777, no file at a
/// time, and a NUL in `dir`; `name_too_long` for a file whose path in the volume is above 4,096
/// bytes, to which only renames lead; `already_exists` for anything in the way of a file with
/// `if_exists::fail`, and `is_a_directory` for a directory; `not_a_directory` for a file in the way
/// of a directory; `not_supported` for a link in the way of one, with `host_links::refuse`; the
/// host's error `ENOTDIR` for a file at `dir`, `ENOENT` where the parent of `dir` is missing, and
/// whatever else it refuses, such as a name that it can not have; `would_block`, `timed_out` of the
/// waits; `canceled`; `out_of_memory`. Charges nothing.
///
///     coramfs::host_options options;
///     options.existing = coramfs::if_exists::replace;
///     auto files = co_await coramfs::export_to_host(fs, "/site", "/srv/www", options);
CORAMFS_EXPORT asio::awaitable<result<std::uint64_t>> export_to_host(const file_system& fs,
                                                                     std::string prefix,
                                                                     std::filesystem::path dir,
                                                                     host_options options = {});

/// Writes a tree as the awaited form does, from a thread, which makes the calls of the host itself.
/// It can not be cancelled.
CORAMFS_EXPORT result<std::uint64_t> export_to_host(const sync::file_system& fs, std::string prefix,
                                                    std::filesystem::path dir,
                                                    host_options options = {});

/// Reads all files and directories below the directory `dir` of the host, empty ones too, into the
/// directory `dest` of the volume, which is made with its parents if it is missing. A file `dir`
/// comes into `dest` by its name, as `export_to_host` writes one. All of it appears in one step at
/// the end, or nothing. Returns how many files there are.
///
/// Names are sorted as unsigned bytes, and what is in a directory comes right behind it. Each
/// directory is read whole before anything in it is looked at; what others remove before its turn
/// is left out. `dir` itself may be a link; below it none is followed, whatever others do to the
/// tree meanwhile. A mount point is entered. A file is read to the end that it then has, whatever
/// size it said before. Content goes straight into memory of the volume. Holes of 64 KiB or more
/// stay holes, where the file system of the host knows them and the volume has a layout for them;
/// others are filled with zeros. Files that are linked to each other become independent ones. Names
/// are bytes, and come as they are; times, modes and owners do not, and the generation is 0.
///
/// With `if_exists::replace` files are replaced by new ones. All else that is in `dest` stays.
/// Until the end the files have no names, and count in `stats`, with a handle each. `options.open`
/// decides about a file that is to be replaced and is in use, as it does for `give_names`: with
/// `if_open::wait` the import, when all has been read, waits for such files one after the other;
/// with `if_open::keep_unnamed` they live on without a name for those who have them open.
///
/// No call of the host's is made on the awaiting executor: they are made by the pool, in which they
/// wait for their turn. Only what is still open when the pool is stopped is closed there. It
/// resumes on the awaiting coroutine's executor.
///
/// Cancellation: seen between names, between pieces of 1 MiB, and in the wait for files in use; a
/// piece that the kernel reads runs to its end. Nothing is left in the volume. All types are
/// heard that the coroutine's filter lets through. A context that is destroyed ends it in the same
/// way, without waiting for that. A pool that is stopped or destroyed -> `canceled`.
///
/// Errors, those of the host with its own code and the path on the host, and of several failures
/// that of the first path in the order: `invalid_argument` for an unknown enumerator, a mode with
/// other bits than 0777, no file at a time, and a NUL in `dir`; the host's error `ENOENT`
/// for `dir`, `ENOTDIR` where it is neither a directory nor a file, and whatever else it refuses,
/// as `EWOULDBLOCK` for a file that another process has a lease of; `not_supported` for links and
/// what else is neither a file nor a directory, with `host_links::refuse`; `invalid_path` for a
/// name with a backslash; `name_too_long` for what would have a path above 4,096 bytes in the
/// volume; `already_exists` for a file that is there with `if_exists::fail`; `is_a_directory` for a
/// directory in the place of a file; `not_a_directory` for a file in the place of a directory, or
/// above `dest`; `busy` for a file that is to be replaced and open or waited for, with
/// `if_open::fail`; with `if_open::wait` `would_block`, `timed_out`; `node_limit_exceeded`;
/// `quota_exceeded`, with the bytes of the piece that did not fit, and `memory_guard`; `canceled`;
/// `out_of_memory`.
/// Charges: files, as they come, beside what they replace, which goes at the end, and directories
/// at the end. Not charged is what it takes until it ends: some hundred bytes for each file, the
/// path of each file and directory, up to three times while they get their names, and all names of
/// the directories that it is in. So a tree of which nothing is known is imported into a volume
/// with `max_nodes`, which also ends an import with too many directories before all are found.
///
///     coramfs::host_options options;
///     options.special = coramfs::host_links::skip;
///     auto files = co_await coramfs::import_from_host(fs, "/srv/templates", "/site", options);
CORAMFS_EXPORT asio::awaitable<result<std::uint64_t>> import_from_host(const file_system& fs,
                                                                       std::filesystem::path dir,
                                                                       std::string dest,
                                                                       host_options options = {});

/// Reads a tree as the awaited form does, from a thread, which makes the calls of the host itself.
/// It can not be cancelled.
CORAMFS_EXPORT result<std::uint64_t> import_from_host(const sync::file_system& fs,
                                                      std::filesystem::path dir, std::string dest,
                                                      host_options options = {});

namespace sync {
using coramfs::export_to_host;
using coramfs::import_from_host;
}  // namespace sync

}  // namespace coramfs
