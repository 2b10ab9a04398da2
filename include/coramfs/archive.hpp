// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/archive_reader.hpp>
#include <coramfs/blocking_pool.hpp>
#include <coramfs/detail/arriving.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/export.hpp>
#include <coramfs/file_system.hpp>
#include <coramfs/result.hpp>
#include <coramfs/sync/file_system.hpp>

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace coramfs {

/// What happens to a file of an archive where there is a file already, in the volume or of the
/// archive itself. `fail`: the call fails with `already_exists`. `skip`: the first one stays.
/// `overwrite`: the last one stays.
enum class on_conflict { fail, skip, overwrite };

/// What happens to an entry that is not taken as it is: to one with an absolute name, a drive
/// letter, a `..` or a NUL in its name, or none, and to whatever is neither a file nor a directory,
/// links among it. `refuse`: the call fails with `unsafe_archive_entry`. `skip`: it is left out.
/// `strip`: of its name goes what makes it unsafe, a drive letter, slashes before the first name,
/// and all `..`; what has nothing left then, or has a NUL, is left out, and so is all but files and
/// directories. A drive letter is a letter and a colon where the first name begins that is kept:
/// `C:x`, `./C:x` and `../C:/x` have one, and `d/C:x` has none.
enum class unsafe_entries { refuse, skip, strip };

/// Which formats are read. `common`: zip (stored, deflate, bzip2, lzma, xz, ppmd, and zstd where
/// libarchive knows it); 7z; and tar (ustar, pax, GNU and v7), as it is or compressed once with
/// gzip, bzip2, xz, lzip, zstd or lz4. `all`: also ar, cab, cpio, iso9660, lha, rar, warc and xar,
/// whose decoders libarchive has had most trouble with; what those take of memory is neither known
/// ahead nor charged. So it is for archives that one trusts.
enum class archive_formats { common, all };

/// How an archive is expanded, or listed.
struct expand_options {
  on_conflict conflict = on_conflict::fail;           ///< where a file is in the way
  unsafe_entries unsafe = unsafe_entries::refuse;     ///< what is not taken as it is
  archive_formats formats = archive_formats::common;  ///< what is read
  /// What dictionaries, windows, models and a compressed directory may take of memory, in bytes. A
  /// member that wants more is refused before anything is allocated for it.
  std::uint64_t max_decoder_memory = 64 << 20;
  /// Limits beside those of the volume: how many files, how many bytes in all of them, and in one.
  /// What is decoded counts, not what the archive says, and holes count, too. What another entry
  /// has replaced counts no more, but while an archive is streamed each file counts that was made.
  /// Beyond them it is `too_large`, with what was wanted and the limit.
  /// @{
  std::optional<std::uint64_t> max_files, max_bytes, max_file_bytes;
  /// @}
  /// Where the awaited forms decode. If null, that is the awaiting executor, with a turn for others
  /// after each 64 KiB, and for a file of the host's a pool of the library's. The blocking form
  /// uses none.
  blocking_pool* pool = nullptr;
  /// Formats that are not built in, which are asked in this order, before those that are.
  std::vector<std::shared_ptr<const archive_adapter>> adapters;

  /// Has a constructor, and so is no aggregate: g++ 12 destroys those twice in a `co_await`.
  expand_options() noexcept {}
};

/// What an expansion has done.
struct expand_summary {
  std::uint64_t files = 0;        ///< that the volume has got
  std::uint64_t directories = 0;  ///< entries that were directories, those already there too
  std::uint64_t bytes = 0;        ///< of these files, with their holes
  std::uint64_t skipped = 0;      ///< entries that were left out
  std::uint64_t stripped = 0;     ///< entries that were taken by another name than the archive has
};

/// What becomes of an entry. `stop`: neither it nor what comes after it is looked at, and the call
/// succeeds with what came before.
enum class entry_action { extract, skip, stop };

/// What decides about each entry of an archive. It sees the entry as the archive has it.
using entry_visitor = std::function<entry_action(const archive_entry&)>;

/// Brings all files and directories of an archive into the directory `dest`, which is made with its
/// parents if it is missing: all of it appears in one step at the end, or nothing.
///
/// Names are bytes, and backslashes are slashes. A zip's name without the flag of UTF-8 is taken as
/// it is, and the one in UTF-8 beside it if its checksum fits; what its directory calls otherwise
/// than it calls itself is damage. Those of a 7z, which are UTF-16, become UTF-8. None is composed
/// or decomposed, but with `archive_formats::all` names of the other formats are as libarchive
/// gives them. Times are those of the expansion, and modes and owners are dropped. Directories
/// merge. Files that are sparse in a tar have holes, where the volume has a layout for them. What
/// follows the end of an archive is ignored, and so is what stands before a zip or, behind a
/// program, before a 7z.
///
/// Until the end the files have no names, and count in `stats` with a handle each. A file of the
/// volume as source is held shared meanwhile, and its lock waited for with the volume's default
/// timeout.
///
/// Without a pool all of it is done on the awaiting executor, with turns for others, mostly of less
/// than 2 ms. In one go, though, the directory of a zip or a 7z is read, in 10 ms for each 10,000
/// entries; a solid block of 7z passed over; 256 KiB of PPMd in a zip decoded, or a block of bzip2
/// of 900,000 bytes, in tens of milliseconds, or of lz4, of up to 4 MiB, in 3 ms; 1 MiB of a stream
/// read that brings nothing; and all names given at the end. For those a pool is what helps: with
/// one nothing but the opening of the source is done there, in less than 0.1 ms. It resumes on the
/// awaiting coroutine's executor.
///
/// Cancellation: seen between slices of some 64 KiB; nothing is left in the volume, and the
/// thread of a pool is free one slice later. All types are heard that the coroutine's filter lets
/// through. A context that is destroyed ends it in the same way, without waiting for that. A pool
/// that is stopped or destroyed -> `canceled`.
///
/// Errors, with the name of the entry for a path: `unsupported_archive` for no known format, none
/// at all, an unknown method, what is encrypted, and a member that wants more than
/// `max_decoder_memory`, for more than 1 MiB before the content of a member of a tar, such as a map
/// of holes, and for more than 1 MiB of a compressed stream (2 of bzip2, 5 of lz4) of which nothing
/// comes; `corrupt_archive` for what is damaged or has lost its end, and for a
/// member that is not of the size that was declared; `unsafe_archive_entry`; `already_exists`,
/// `is_a_directory` for a file over a directory, `not_a_directory` for a directory over a file, or
/// for a file above another; what others put into the way until the end is met there, with `skip`
/// too; `too_large`; `name_too_long`; `busy` for a file that is to be replaced and in use;
/// `node_limit_exceeded`; `quota_exceeded`; `memory_guard`; `invalid_argument` for an unknown
/// enumerator; those of an `open` of the source, or of the host; those of an adapter; `canceled`;
/// `out_of_memory`. The checksum of a gzip is verified, but of several behind each other it is not,
/// nor where a damaged one gives another size and has what looks like the head of another in it.
///
/// Charges: files as they come, beside what they replace, and directories at the end. Until the end
/// also, with `accounting::memory`, the decoder: 1 MiB from the beginning, and what the largest
/// member so far has declared, up to `max_decoder_memory`, which counts twelve bytes for each of
/// what a tar has before the content of a member beyond 128 KiB; and what is remembered of names
/// beyond 64 KiB, with some 250 bytes for each entry of the directory of a zip. What is charged so
/// is what was found that libarchive takes: it has no limits of its own, and what it allocates is
/// not seen. Not charged are two pieces of 64 KiB of a file of the host's, the two lists of
/// directories and names that are given in one step at the end, and all that decoders of
/// `archive_formats::all` beside the common ones take. Where the allocator refuses libarchive a few
/// bytes for a string it ends the process, and nobody can help that.
///
///     coramfs::expand_options options;
///     options.max_file_bytes = 64 << 20;
///     auto done = co_await coramfs::expand_archive(
///         fs, coramfs::archive_source::in_volume("/in.zip"), "/out", options);
CORAMFS_EXPORT asio::awaitable<result<expand_summary>> expand_archive(const file_system& fs,
                                                                      archive_source source,
                                                                      std::string dest,
                                                                      expand_options options = {});

/// Expands as the awaited form does, on the calling thread. It can not be cancelled.
CORAMFS_EXPORT result<expand_summary> expand_archive(const sync::file_system& fs,
                                                     archive_source source, std::string dest,
                                                     expand_options options = {});

/// Does what `expand_archive` does, but each file appears when it is whole, and directories when
/// their turn has come. So there is no more than one file beside what is in the tree. Returns how
/// many files were made.
///
/// At a failure, and after a cancellation, what came before it stays, and nothing of the entry that
/// it has come from. A file with a wrong checksum or size never appears, but what is only found at
/// the end of the whole archive, as a compressed tar's own checksum, comes too late for that.
///
/// Errors and charges: as `expand_archive`.
CORAMFS_EXPORT asio::awaitable<result<std::uint64_t>> expand_archive_streaming(
    const file_system& fs, archive_source source, std::string dest, expand_options options = {});

/// Expands as the awaited form does, on the calling thread. It can not be cancelled.
CORAMFS_EXPORT result<std::uint64_t> expand_archive_streaming(const sync::file_system& fs,
                                                              archive_source source,
                                                              std::string dest,
                                                              expand_options options = {});

/// Expands as `expand_archive` does those entries that the visitor chooses. It is called for each,
/// before anything of it is checked, on the thread that decodes: with a pool that is one of the
/// pool's. What it throws passes through, and leaves nothing. An unknown action is
/// `invalid_argument`.
///
///     auto only_texts = [](const coramfs::archive_entry& e) {
///       return e.name.ends_with(".txt") ? coramfs::entry_action::extract
///                                       : coramfs::entry_action::skip;
///     };
///     auto done = co_await coramfs::expand_each(
///         fs, coramfs::archive_source::in_volume("/in.zip"), "/out", only_texts);
CORAMFS_EXPORT asio::awaitable<result<expand_summary>> expand_each(const file_system& fs,
                                                                   archive_source source,
                                                                   std::string dest,
                                                                   entry_visitor visitor,
                                                                   expand_options options = {});

/// Expands as the awaited form does, on the calling thread. It can not be cancelled.
CORAMFS_EXPORT result<expand_summary> expand_each(const sync::file_system& fs,
                                                  archive_source source, std::string dest,
                                                  entry_visitor visitor,
                                                  expand_options options = {});

/// The entries of an archive, in its order, as it has them: none is checked. Of a zip and a plain
/// tar nothing is decoded for that; a compressed tar has to be, and a 7z in part.
///
/// Cancellation, where it runs, and errors: as `expand_archive`, of which none is about the tree;
/// `too_large` with more files than `max_files`. Charges: the decoder, as `expand_archive`, and
/// with `accounting::memory` the entries, until it ends.
CORAMFS_EXPORT asio::awaitable<result<std::vector<archive_entry>>> list_archive(
    const file_system& fs, archive_source source, expand_options options = {});

/// Lists as the awaited form does, on the calling thread. It can not be cancelled.
CORAMFS_EXPORT result<std::vector<archive_entry>> list_archive(const sync::file_system& fs,
                                                               archive_source source,
                                                               expand_options options = {});

namespace detail {

/// Expands what comes from a source, which must live until the call has ended.
CORAMFS_EXPORT asio::awaitable<result<expand_summary>> expand_arriving(file_system fs,
                                                                       arriving_source& from,
                                                                       std::string dest,
                                                                       expand_options options);
CORAMFS_EXPORT result<expand_summary> expand_arriving(const sync::file_system& fs,
                                                      arriving_bytes& from, std::string dest,
                                                      const expand_options& options);

template <class AsyncReadStream>
asio::awaitable<result<expand_summary>> expand_stream(file_system fs, AsyncReadStream& stream,
                                                      std::string dest, expand_options options) {
  arriving_stream<AsyncReadStream> from(stream);
  std::optional<result<expand_summary>> done;
  try {
    auto expansion =
        detail::expand_arriving(std::move(fs), from, std::move(dest), std::move(options));
    done.emplace(co_await std::move(expansion));
  } catch (const std::bad_alloc&) {
    done.emplace(errc::out_of_memory);
  }
  if (from.thrown()) std::rethrow_exception(from.thrown());
  co_return std::move(*done);
}

}  // namespace detail

/// Expands as `expand_archive` does an archive that still arrives by a stream, such as a socket or
/// what is over one: all of it appears in one step when the stream has ended, or nothing. The
/// stream is any AsyncReadStream. It is read until its end, also behind the end of the archive, so
/// that a download that breaks off is a failure; a connection that stays open needs something over
/// it that knows how long the archive is.
///
/// With a pool the archive is decoded while it comes, on a thread of the pool. That is taken until
/// the call ends, also while nothing comes: so whoever has peers that are slow or hostile gives
/// each a limit of time, by a cancellation, and the pool as many threads as archives are to be
/// expanded at once. Others wait for a thread, with 128 KiB of their archive. No more than that,
/// and 512 KiB that the decoder has, is kept of an archive: while the decoder is behind nothing is
/// read. What can not be read from its beginning to its end is `unsupported_archive` then: a 7z, a
/// zip behind something else, and one with members whose sizes stand behind them, unless these are
/// deflated or empty; and all that `archive_formats::all` adds. `adapters`, which want a whole
/// archive, are not asked then.
///
/// A zip is read by the headers of its members then, before its directory comes, and the two are
/// compared at the end: what they say differently of a member, its name, method, size, checksum or
/// place, a member that one of them does not have, bytes between members, and another record of the
/// end where other readers look for it, are `corrupt_archive`. So an archive in which some tool has
/// left members behind fails, where `expand_archive` goes by the directory. That a member is a link
/// or a device is known from the directory alone: then the call fails with `unsafe_archive_entry`,
/// whatever `unsafe` says.
///
/// With a pool the stream is used on a strand of the call over the awaiting executor, never by two
/// threads at once, and it need not have that executor itself. A stream whose reads need a thread
/// of the same pool waits for ever where all of them decode: it gets another pool.
///
/// Without a pool no thread is taken. What comes is kept in the volume, in a file without a name,
/// and is expanded from there when it is whole, on the awaiting executor and in any format: the
/// quota must have room for the archive and for its content. What it is shows only when it is
/// whole, since a zip may stand behind anything: so a stream of anything fills the quota first, and
/// who reads from strangers bounds the stream, or has a pool, with which garbage ends the call at
/// once.
///
/// Cancellation: at any time, with nothing left in the volume. All types are heard that the
/// coroutine's filter lets through. With a pool it resumes when the decoder has stopped, which is
/// one slice later, and at once where it waits for a thread. A context that is destroyed ends it in
/// the same way, without waiting for that. A pool that is stopped or destroyed -> `canceled`.
///
/// Lifetime: the stream must live until the call has ended. Nothing else uses it meanwhile.
///
/// Errors: those of `expand_archive`, of which none is a source's; those of the stream, but for
/// `eof`, and `canceled` for its `operation_aborted`; `corrupt_archive` for a stream that ends
/// before the archive does; `std::errc::io_error` for one that brings nothing a thousand times in a
/// row; the system's error where the pool has no thread. What the stream throws, but for Asio's
/// error and `std::bad_alloc`, which is `out_of_memory`, passes through, and leaves nothing. How
/// much of the stream a call that has failed has read is not known.
/// Charges: as `expand_archive`. Also, with a pool and `accounting::memory`, 640 KiB for what is
/// kept of the archive (512 KiB of a blocking call), and 64 bytes for each member of a zip; without
/// a pool, the archive. In each accounting a zip of whose members more is kept so than
/// `max_decoder_memory` is `unsupported_archive`: that is one of more than a million by default.
///
///     coramfs::blocking_pool pool(4);
///     coramfs::expand_options options;
///     options.pool = &pool;
///     auto done = co_await coramfs::expand_arriving(fs, socket, "/out", options);
template <class AsyncReadStream>
asio::awaitable<result<expand_summary>> expand_arriving(const file_system& fs,
                                                        AsyncReadStream& stream, std::string dest,
                                                        expand_options options = {}) {
  return detail::expand_stream(fs, stream, std::move(dest), std::move(options));
}

/// Expands as the awaited form does with a pool, on the calling thread, which waits for the stream:
/// any SyncReadStream. It can not be cancelled, but by what ends its stream.
template <class SyncReadStream>
result<expand_summary> expand_arriving(const sync::file_system& fs, SyncReadStream& stream,
                                       std::string dest, expand_options options = {}) {
  detail::blocking_stream<SyncReadStream> from(stream);
  auto done = detail::expand_arriving(fs, from, std::move(dest), options);
  if (from.thrown()) std::rethrow_exception(from.thrown());
  return done;
}

/// A format that is written. `tar` is pax, where a name or a size needs it, and else ustar.
enum class archive_format { zip, tar, tar_gz, tar_xz, tar_zst, seven_zip };

/// How an archive is written.
struct archive_options {
  /// Equal trees give equal bytes: with the time 0 (which a zip has as 1980), the owner 0, and the
  /// modes 644 and 755. Otherwise it has the times of the volume.
  bool reproducible = true;
  /// From 0 to 9, and to 19 for `tar_zst`, how hard it is compressed; -1: what the format's own
  /// tools do by default. Of no use for `tar`.
  int level = -1;
};
// g++ 12 destroys some temporaries of a co_await expression twice.
static_assert(std::is_trivially_destructible_v<archive_options>);

/// Writes all files and directories below the directory `prefix`, empty ones too, into an archive
/// that appears whole at `archive_path` at the end, with its parents; or the file `prefix`, under
/// its own name. Names are relative to `prefix`. Returns how many files it has.
///
/// Which files and directories there are is found at the start, and they come sorted by path. Each
/// file is pinned as it is at its turn, under its shared lock, which is waited for with the
/// volume's default timeout, and held while it is compressed. What others remove before its turn is
/// left out. The archive is never in itself. Holes are written as zeros.
///
/// Names are written as they are. What `expand_archive` would not give back by the same name is not
/// put into an archive: a drive letter at the beginning of a name that is relative to `prefix`.
///
/// It is done in slices on the awaiting executor, of 32 KiB, and of 4 KiB for `tar_xz` and
/// `seven_zip`, with a turn for others after each. It resumes there. A slice takes about a
/// millisecond by default. At the highest levels an encoder collects many and compresses them at
/// once, which takes some 20 ms, and with `tar_zst` at 19 some 200 ms; and all names are sorted in
/// one go, which takes some 80 ms for 200,000.
///
/// Cancellation: seen between slices; nothing is left. All types are heard that the coroutine's
/// filter lets through. A context that is destroyed ends it in the same way.
///
/// Errors: `not_found` for `prefix`; `already_exists` and `is_a_directory` for what is at
/// `archive_path`; `not_a_directory` for a file above it; `unsafe_archive_entry` for a name that
/// would not come back, with that path; `invalid_argument` for an unknown
/// enumerator, or a level that the format has not; `invalid_encoding` for a name that is not UTF-8,
/// in a 7z; `would_block`, `timed_out` of the waits; `node_limit_exceeded`; `quota_exceeded` and
/// `memory_guard`, which leave no archive; `unsupported_archive` where libarchive was built without
/// the format; `canceled`; `out_of_memory`.
/// Charges: the archive, as it grows, and the parents. Not charged is what the encoder takes, which
/// for xz and 7z is some 100 MiB by default, and the names and the directory of the archive.
///
///     auto files = co_await coramfs::create_archive(fs, "/site", "/site.tar.zst",
///                                                   coramfs::archive_format::tar_zst);
CORAMFS_EXPORT asio::awaitable<result<std::uint64_t>> create_archive(const file_system& fs,
                                                                     std::string prefix,
                                                                     std::string archive_path,
                                                                     archive_format format,
                                                                     archive_options options = {});

/// Writes an archive as the awaited form does, on the calling thread. It can not be cancelled.
CORAMFS_EXPORT result<std::uint64_t> create_archive(const sync::file_system& fs, std::string prefix,
                                                    std::string archive_path, archive_format format,
                                                    archive_options options = {});

namespace sync {
using coramfs::create_archive;
using coramfs::expand_archive;
using coramfs::expand_archive_streaming;
using coramfs::expand_arriving;
using coramfs::expand_each;
using coramfs::list_archive;
}  // namespace sync

}  // namespace coramfs
