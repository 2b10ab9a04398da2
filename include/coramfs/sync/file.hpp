// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/buffer_span.hpp>
#include <coramfs/detail/open_file.hpp>
#include <coramfs/detail/stream.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/pinned.hpp>
#include <coramfs/prepared.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace coramfs::sync {

/// An open file, for threads. `sync::file_system::open` makes it. It has the names, arguments and
/// results of `coramfs::file`, and each call returns its result.
///
/// It holds its file's lock (shared for `open_mode::read`, exclusive for the others) from open to
/// close; the destructor closes. So nothing here waits for a lock. It is move-only; a moved-from
/// file is closed.
///
/// Waits for space: on a handle of `when_full::wait`, `write`, `write_at`, a `truncate` that grows,
/// `reserve`, `prepare` and the stream writes block the calling thread until the quota has room,
/// each for as long as the timeout of the open says. Then `timed_out` is among their errors, and
/// `quota_exceeded` means that the request could never fit. No other call blocks.
///
/// It also models Asio's SyncReadStream and SyncWriteStream, and the random-access twins of both:
/// `read_some`, `write_some`, `read_some_at` and `write_some_at`, as in coramfs/detail/stream.hpp.
///
/// Lifetime: a file outlives the file system that it came from, and keeps its volume alive.
///
/// Thread safety: distinct objects may be used at once; one object takes one call at a time, from
/// any thread. Only `read_at` and `size` may be called by several at once, while nothing else is.
///
/// Errors: every call with a result, but `close`, fails with `not_open` on a closed file. After any
/// other error the file is still open, its content and cursor as before.
///
///     coramfs::sync::file_system fs(volume);
///     auto f = fs.open("/log", coramfs::open_mode::append).value();
///     f.write(asio::buffer("line\n", 5)).value();
class CORAMFS_EXPORT file : public detail::stream_members<file> {
 public:
  /// Makes a closed file.
  file() noexcept = default;

  /// Reads at the cursor, moves it behind what was read, and returns how much that is: less than
  /// the buffer only at the end, and 0 at or past it. Errors: `not_readable`.
  result<std::size_t> read(asio::mutable_buffer to);
  /// Returns the bytes from the cursor to the end, and moves the cursor there. At or past the end
  /// it returns none and leaves the cursor.
  ///
  /// Errors: `not_readable`; `out_of_memory`. Charges nothing: the bytes are the caller's.
  result<bytes> read_all();

  /// Stores the whole buffer at the cursor, or with `open_mode::append` at the end, moves the
  /// cursor behind it, and returns its size; or fails, and nothing has changed. An empty buffer
  /// changes nothing, and any other one gives back what was prepared.
  ///
  /// Errors: `not_writable`; `too_large` beyond 2^63 - 1 bytes; `not_supported` if it would leave a
  /// gap in a sequential file, or in a chain above `promotion_hard_limit`; `quota_exceeded`;
  /// `memory_guard`; `out_of_memory`.
  /// Charges: what the file grows by. An overwrite is free, but with `accounting::memory` for holes
  /// that it fills and pinned blocks that it copies.
  result<std::size_t> write(asio::const_buffer from);
  /// Writes as the first form does, but takes the buffer over. At the end of a chain it becomes
  /// part of the file without a copy, if it has at least 64 KiB, at least half of its capacity is
  /// used, and the whole capacity can be charged; else it is copied. On success `from` is empty, on
  /// failure it is untouched.
  ///
  /// Errors: as the other form. Charges: as that; with `accounting::memory` a buffer that is taken
  /// over by its capacity.
  result<std::size_t> write(bytes&& from);
  /// Writes text or bytes as the first form does. An array of `char`, as a literal is, is text up
  /// to its first NUL; bytes that stand in one are written by `asio::buffer(array)`.
  template <detail::content_like Content>
  result<std::size_t> write(const Content& from) {
    return write(detail::to_buffer(from));
  }

  /// Reads at `offset`, and leaves the cursor; else it is `read`. Errors: as `read`.
  result<std::size_t> read_at(std::uint64_t offset, asio::mutable_buffer to);
  /// Writes at `offset`, and leaves the cursor; else it is `write`.
  ///
  /// Errors: as `write`; with `open_mode::append` also `not_supported` if the offset is not the
  /// size. Charges: as `write`.
  result<std::size_t> write_at(std::uint64_t offset, asio::const_buffer from);
  /// Writes text or bytes as the form above does; of an array of `char` what `write` does.
  template <detail::content_like Content>
  result<std::size_t> write_at(std::uint64_t offset, const Content& from) {
    return write_at(offset, detail::to_buffer(from));
  }

  /// Cuts the file to `size` bytes, or extends it with zeros, and returns its size; if no size is
  /// given it is the cursor. Where it cuts, a cursor beyond the new end is moved there; else the
  /// cursor stays, also past the end. With `storage_layout::automatic` an empty file is extended by
  /// a hole. What was prepared is given back.
  ///
  /// Errors: `not_writable`; when growing `too_large` beyond 2^63 - 1 bytes, `quota_exceeded`,
  /// `memory_guard`, `out_of_memory`.
  /// Charges: what the file grows by, but with `accounting::memory` nothing for a hole.
  result<std::uint64_t> truncate(std::optional<std::uint64_t> size = {});

  /// Makes a hole of at most `size` bytes from `offset` on, of those that the file has: they read
  /// as zeros, and the blocks of 64 KiB that are all in it are given back to the quota. What pins
  /// hold of them stays as it is, and charged, until the last pin goes. Size and cursor stay; it is
  /// a change of the content. What was prepared is given back.
  ///
  /// It is for tables: files of `storage_layout::random_access`, and automatic ones that a gap has
  /// turned into one. It never waits for space.
  ///
  /// Errors: `not_writable`; `not_supported` for a chain that has such bytes; for a pinned block of
  /// which a part is in the hole, and which has to be copied, `quota_exceeded`, `memory_guard` and
  /// `out_of_memory`, also where the blocks that would be given back had made room for it. The file
  /// is as it was then. Charges: such a copy, with `accounting::memory`. It is one step, of a time
  /// by the blocks in the hole; they are freed later.
  result<void> punch_hole(std::uint64_t offset, std::uint64_t size);
  /// Pins the bytes from `offset` on, at most `n` of them and none at or past the end: through the
  /// pin they are seen as they are now, whatever becomes of the file. No byte is copied, unless
  /// there is prepared room over it: such bytes are pinned as a copy, because a commit must not
  /// need space.
  ///
  /// Errors: `not_readable`; `out_of_memory`; for such a copy those of a write of as many bytes.
  /// Charges: such a copy. With `accounting::memory` what is pinned stays charged until its last
  /// pin goes, and a write to it is charged for the copy that the write makes.
  result<pinned> pin(std::uint64_t offset, std::size_t n);
  /// Pays ahead for growth to `size` bytes, whatever else then takes the quota; a size below the
  /// file's, or below one that is paid for, changes nothing. The file, its size and its cursor stay
  /// as they are; what was prepared is given back. Writes and `truncate` up to that size, and a
  /// `prepare` at the end, can not fail for space then, nor wait for it, unless bytes that they
  /// change are pinned, or a gap has turned a chain into a table since, which is charged a little
  /// more. Below it no buffer is taken over without a copy. `close` gives back what was not needed.
  ///
  /// Errors: `not_writable`; `not_supported` for a followable file that has ended; `too_large`
  /// beyond 2^63 - 1 bytes; `quota_exceeded`; `memory_guard`; `out_of_memory`. Memory itself is
  /// taken as the file grows, so the last two may still come then. Charges: what a file of `size`
  /// bytes without holes is charged, less what this one is; with `accounting::memory`, up to 4 KiB
  /// more for one that is not empty.
  result<void> reserve(std::uint64_t size);
  /// Makes room for `n` bytes at the cursor, or with `open_mode::append` at the end, for others to
  /// fill. The file is unchanged until `commit`. Another `prepare`, a write that is not empty,
  /// `truncate`, `reserve`, `seek` and `close`, whether they succeed or not, give the room back and
  /// end its buffers.
  ///
  /// Errors: as `write`. Charges: as a write of `n` bytes; over bytes that are there, with
  /// `accounting::memory`, the room itself too, but not where it has at most 1 MiB and lies within
  /// zeros that the open of this handle has preallocated, behind all that was written or cut since.
  result<prepared> prepare(std::size_t n);
  /// Stores the first `n` bytes of what is prepared, moves the cursor behind them and gives back
  /// the rest. It needs no more space than `prepare` took, and ends the buffers of the room.
  ///
  /// Errors: `not_writable`; `invalid_argument` for more than is prepared, which stays.
  result<void> commit(std::size_t n) { return file_.commit(n); }

  /// Tells those who follow this file how large it is going to be; a later call tells another size.
  /// A `finish` at another one fails then, so a short download can not pass for a whole one. With
  /// `reserve` it is paid for ahead at once, as by `reserve`, which gives back what was prepared.
  ///
  /// Errors: `not_supported` for a file that is not followable, or has ended; `too_large`;
  /// `invalid_argument` for less than the file has; with `reserve` those of that, and nothing is
  /// announced. Charges: with `reserve` what that does.
  result<void> announce(std::uint64_t size, bool reserve = false);
  /// Says that a followable file is whole: whoever follows it comes to its end. The handle writes
  /// no more, `not_supported`, and holds the lock until it is closed; from then on it is a file as
  /// any other. What was prepared is given back, and so is what was paid for ahead.
  ///
  /// Errors, after which it can go on: `not_supported` for a file that is not followable, or has
  /// ended; `busy` while a write has not completed; `invalid_argument` if another size was
  /// announced.
  result<void> finish() { return file_.finish(); }
  /// Gives a followable file up, and closes the handle. Whoever follows it gets `why`, behind the
  /// bytes that were written, but `errc::abandoned` for a `why` that could be taken for the end of
  /// a stream or for an error of the follower's own call: `asio::error::eof`,
  /// `asio::error::operation_aborted`, and of the `errc` `timed_out`, `canceled`, `would_block`,
  /// `invalid_argument`, `not_open` and `out_of_memory`. With `on_abandon::remove` the path is free
  /// on return, also where the file was there before and nothing was appended to it; the bytes go
  /// with the last follower. With `on_abandon::keep` the file stays, and is marked as incomplete:
  /// who follows it later gets its bytes and `errc::abandoned`, until somebody who appends to it as
  /// followable has finished it, or it was emptied. A copy is as incomplete as the file.
  ///
  /// A handle that is closed or destroyed without `finish` does the same, with `errc::abandoned`.
  ///
  /// Errors: `not_supported` for a file that is not followable, or has ended.
  result<void> abandon(error why = errc::abandoned) {
    return file_.abandon(detail::told_to_followers(why));
  }

  /// Moves the cursor, also past the end, and returns it. What was prepared is given back.
  ///
  /// Errors: `invalid_argument` for a position below 0 or above 2^63 - 1, or an unknown `from`.
  result<std::uint64_t> seek(std::int64_t offset, seek_from from = seek_from::start) {
    return file_.seek(offset, from);
  }
  /// The cursor. Errors: only `not_open`.
  result<std::uint64_t> tell() const { return file_.tell(); }
  /// The size in bytes, without what is prepared. Errors: only `not_open`.
  result<std::uint64_t> size() const { return file_.size(); }
  /// The offset of the first byte at or behind `offset` that was stored, or that is in a hole; the
  /// size where there is none, as behind the end. A chain has no holes, and a table has one
  /// wherever nothing was stored since it was made: it reads as zeros, though not all zeros are
  /// holes. Room that is prepared may count as stored. It takes time by the blocks up to there.
  /// Errors: only `not_open`.
  /// @{
  result<std::uint64_t> next_data(std::uint64_t offset) const { return file_.next_data(offset); }
  result<std::uint64_t> next_hole(std::uint64_t offset) const { return file_.next_hole(offset); }
  /// @}
  /// Does nothing, since what is written is in the file. Errors: only `not_open`.
  result<void> flush() { return file_.flush(); }
  /// Releases the lock, and gives slack, prepared and reserved room back to the quota. It never
  /// fails, and a second close does nothing.
  result<void> close() {
    file_.close();
    return boost::outcome_v2::success();
  }

  /// Whether it is open.
  bool is_open() const noexcept { return file_.is_open(); }
  /// Whether it is open, in a mode that reads.
  bool readable() const noexcept { return file_.readable(); }
  /// Whether it is open, in a mode that writes.
  bool writable() const noexcept { return file_.writable(); }
  /// Whether it is open: every open file can be sought in.
  bool seekable() const noexcept { return file_.seekable(); }
  /// The normal form of the path that it was opened by, also after `close`. It is made at the first
  /// call, and empty if memory for it is refused.
  const std::string& path() const noexcept { return file_.path(); }
  /// The mode that it was opened with, also after `close`.
  open_mode mode() const noexcept { return file_.mode(); }

 private:
  friend class file_system;
  friend class detail::stream_members<file>;
  friend struct detail::handle_access;
  explicit file(detail::open_operation& done) noexcept : file_(done) {}
  file(detail::volume_state& v, detail::node_use&& found, path_argument&& path, open_mode mode,
       const open_options& options) noexcept
      : file_(v, std::move(found), std::move(path), mode, options) {}

  // What `stream_members` writes by.
  result<std::size_t> write_all(std::optional<std::uint64_t> offset,
                                const detail::byte_source& from);

  detail::open_file file_;
};

}  // namespace coramfs::sync
