// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/buffer_span.hpp>
#include <coramfs/detail/call_scope.hpp>
#include <coramfs/detail/completion.hpp>
#include <coramfs/detail/file_tokens.hpp>
#include <coramfs/detail/initiation.hpp>
#include <coramfs/detail/open_file.hpp>
#include <coramfs/detail/stream.hpp>
#include <coramfs/detail/stream_handler.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/pinned.hpp>
#include <coramfs/prepared.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace coramfs {

namespace detail {
class flight;
class open_file_operation;
}  // namespace detail

template <class Object, class Executor>
class with_default_token;

/// An open file, for coroutines. `file_system::open` makes it.
///
/// It holds its file's lock (shared for `open_mode::read`, exclusive for the others) from open to
/// close; the destructor closes, also in stack unwinding and with a destroyed coroutine. Reads and
/// writes therefore never wait for a lock. It is move-only; a moved-from file is closed.
///
/// Each operation also takes a completion token, by the rule of `file_system`.
///
/// An operation that returns an awaitable does nothing until it is awaited. It completes without
/// suspending where nothing has to be waited for, but for the turns below, and resumes on the
/// awaiting coroutine's executor.
///
/// Waits for space: on a handle of `when_full::wait`, `write`, `write_at`, a `truncate` that grows,
/// `reserve`, `prepare` and the asynchronous stream writes wait for room in the quota, each for as
/// long as the timeout of the open says. Then `timed_out` and `canceled` are among their errors,
/// and `quota_exceeded` means that the request could never fit. While one waits nothing of it can
/// be seen, and if it is cancelled nothing has changed.
///
/// Turns: an operation gives the executor a turn after each MiB that it reads or stores, a write
/// also while it turns a long chain into a table, and short operations on one handle about every
/// 4 MiB. Nobody else can open the file meanwhile, unless it was opened for reading. Cancelled in
/// between, a read ends with `canceled` and leaves the cursor; a write runs to its end.
///
/// It also models Asio's SyncReadStream and SyncWriteStream, and the random-access twins of both:
/// `read_some`, `write_some`, `read_some_at` and `write_some_at`, as in coramfs/detail/stream.hpp,
/// which never wait for space.
///
/// Lifetime: a file outlives the file system that it came from, and keeps its volume alive. It
/// must stay where it is from the call of an operation to its end, and buffers must live as long.
/// An operation that is destroyed in the middle, with its context, reads no more of its buffer. Of
/// such a write nothing stays but what it had stored over bytes that were there.
///
/// Thread safety: distinct objects may be used at once; one object takes one call at a time.
///
/// Errors: every call with a result, but `close`, fails with `not_open` on a closed file. After any
/// other error the file is still open, its content and cursor as before. Where memory for a
/// coroutine's frame is refused the call throws `std::bad_alloc`, and nothing has begun.
///
///     auto f = co_await fs.open("/dl/a.zip", coramfs::open_mode::write);
///     if (!f) co_return f.error();
///     auto n = co_await f.value().write(asio::buffer(data));
class CORAMFS_EXPORT file : public detail::stream_members<file>, public detail::file_tokens<file> {
  using tokens = detail::file_tokens<file>;

 public:
  /// What Asio's stream concepts ask for.
  using executor_type = asio::any_io_executor;
  /// What `as_default_on` of Asio's tokens makes of a file; include coramfs/default_token.hpp.
  template <class Executor>
  struct rebind_executor {
    using other = with_default_token<file, Executor>;  ///< the file with a default token
  };
  /// A file is the lowest layer of streams over it, such as `asio::buffered_stream<file&>`.
  using lowest_layer_type = file;

  /// Makes a closed file.
  file() noexcept = default;

  /// The executor of the file system that the file came from, or the system executor for a file
  /// that came from none or was moved from.
  executor_type get_executor() const {
    return executor_ != nullptr ? *executor_ : detail::system_io_executor();
  }

  /// The file itself.
  /// @{
  lowest_layer_type& lowest_layer() noexcept { return *this; }
  const lowest_layer_type& lowest_layer() const noexcept { return *this; }
  /// @}

  /// Reads at the cursor, moves it behind what was read, and returns how much that is: less than
  /// the buffer only at the end, and 0 at or past it.
  ///
  /// Errors: `not_readable`; `canceled` between two slices of 1 MiB.
  asio::awaitable<result<std::size_t>> read(asio::mutable_buffer to);

  /// Returns the bytes from the cursor to the end, and moves the cursor there. At or past the end
  /// it returns none and leaves the cursor.
  ///
  /// Errors: `not_readable`; `out_of_memory`; `canceled` between two slices of 1 MiB.
  /// Charges nothing: the bytes are the caller's.
  asio::awaitable<result<bytes>> read_all();

  /// Stores the whole buffer at the cursor, or with `open_mode::append` at the end, moves the
  /// cursor behind it, and returns its size; or fails, and nothing has changed. An empty buffer
  /// changes nothing, and any other one gives back what was prepared.
  ///
  /// Errors: `not_writable`; `too_large` beyond 2^63 - 1 bytes; `not_supported` if it would leave a
  /// gap in a sequential file, or in a chain above `promotion_hard_limit`; `quota_exceeded`;
  /// `memory_guard`; `out_of_memory`.
  /// Charges: what the file grows by. An overwrite is free, but with `accounting::memory` for holes
  /// that it fills and pinned blocks that it copies.
  asio::awaitable<result<std::size_t>> write(asio::const_buffer from);

  /// `write` of text or of bytes, which must live until completion. An array of `char`, as a
  /// literal is, is text up to its first NUL; bytes that stand in one are written by
  /// `asio::buffer(array)`.
  template <detail::content_like Content>
  asio::awaitable<result<std::size_t>> write(const Content& from) {
    return write(detail::to_buffer(from));
  }

  /// Writes as the first form does, but takes the buffer over. At the end of a chain it becomes
  /// part of the file without a copy, if it has at least 64 KiB, at least half of its capacity is
  /// used, and the whole capacity can be charged; else it is copied. On success `from` is empty, on
  /// failure it is untouched.
  ///
  /// A temporary is safe also where the awaitable is spawned or kept: `from` is taken at the call,
  /// and a failure gives it back only within the expression that makes the call, such as `co_await
  /// f.write(...)`. Where the awaitable outlives that, the buffer is the operation's for good.
  ///
  /// With a completion token the buffer is the operation's from the call on, also where it fails.
  ///
  /// Errors: as the other form. Charges: as that; with `accounting::memory` a buffer that is taken
  /// over by its capacity.
  asio::awaitable<result<std::size_t>> write(bytes&& from,
                                             detail::call_scope&& scope = detail::call_scope());

  /// Reads at `offset`, and leaves the cursor; else it is `read`. Errors: as `read`.
  asio::awaitable<result<std::size_t>> read_at(std::uint64_t offset, asio::mutable_buffer to);

  /// Writes at `offset`, and leaves the cursor; else it is `write`.
  ///
  /// Errors: as `write`; with `open_mode::append` also `not_supported` if the offset is not the
  /// size. Charges: as `write`.
  /// @{
  asio::awaitable<result<std::size_t>> write_at(std::uint64_t offset, asio::const_buffer from);
  template <detail::content_like Content>
  asio::awaitable<result<std::size_t>> write_at(std::uint64_t offset, const Content& from) {
    return write_at(offset, detail::to_buffer(from));
  }
  /// @}

  /// Cuts the file to `size` bytes, or extends it with zeros, and returns its size; if no size is
  /// given it is the cursor. Where it cuts, a cursor beyond the new end is moved there; else the
  /// cursor stays, also past the end. With `storage_layout::automatic` an empty file is extended by
  /// a hole. What was prepared is given back.
  ///
  /// Errors: `not_writable`; when growing `too_large` beyond 2^63 - 1 bytes, `quota_exceeded`,
  /// `memory_guard`, `out_of_memory`.
  /// Charges: what the file grows by, but with `accounting::memory` nothing for a hole.
  asio::awaitable<result<std::uint64_t>> truncate(std::optional<std::uint64_t> size = {});

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
  asio::awaitable<result<void>> punch_hole(std::uint64_t offset, std::uint64_t size);

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
  asio::awaitable<result<void>> reserve(std::uint64_t size);

  /// Makes room for `n` bytes at the cursor, or with `open_mode::append` at the end, for others to
  /// fill. The file is unchanged until `commit`. Another `prepare`, a write that is not empty,
  /// `truncate`, `reserve`, `seek` and `close`, whether they succeed or not, give the room back and
  /// end its buffers.
  ///
  /// Errors: as `write`. Charges: as a write of `n` bytes; over bytes that are there, with
  /// `accounting::memory`, the room itself too, but not where it has at most 1 MiB and lies within
  /// zeros that the open of this handle has preallocated, behind all that was written or cut since.
  asio::awaitable<result<prepared>> prepare(std::size_t n);

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
  asio::awaitable<result<void>> announce(std::uint64_t size, bool reserve = false);
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
  result<void> close();

  // Each operation for any completion token, too.
  using tokens::announce;
  using tokens::prepare;
  using tokens::punch_hole;
  using tokens::read;
  using tokens::read_all;
  using tokens::read_at;
  using tokens::reserve;
  using tokens::truncate;
  using tokens::write;
  using tokens::write_at;

  // The four operations below make a file an AsyncReadStream, an AsyncWriteStream, and the two
  // random-access devices. They take any completion token, have the completion signature
  // `void(asio_error_code, std::size_t)`, and begin when the token's initiation runs.
  //
  // The handler is called on its associated executor, or else on the file system's, and within the
  // initiation only where it has associated an immediate executor that does so. The buffers and
  // the file must live, and the file must stay where it is, until completion; the sequence itself
  // is copied. Memory comes from the associated allocator, whose exceptions pass through the
  // initiation. All cancellation types end a wait for space. An error code has no numbers and no
  // path: `last_error` tells them afterwards.

  /// Reads at the cursor into the buffers in order, at most 1 MiB, and moves the cursor.
  ///
  /// Errors: `asio::error::eof` with 0 bytes at or past the end, unless the sequence is empty; the
  /// `errc` of `read`.
  template <class MutableBufferSequence,
            asio::completion_token_for<void(asio_error_code, std::size_t)> Token>
  auto async_read_some(const MutableBufferSequence& to, Token&& token) {
    return begin_read<Token>({}, to, token);
  }
  /// Stores the whole sequence where `write` does, in one step, or fails with 0 bytes. It waits for
  /// space where the handle does.
  ///
  /// Errors: the `errc` of `write`; `asio::error::operation_aborted` for a cancelled wait.
  /// Charges: as `write`.
  template <class ConstBufferSequence,
            asio::completion_token_for<void(asio_error_code, std::size_t)> Token>
  auto async_write_some(const ConstBufferSequence& from, Token&& token) {
    return begin_write<Token>({}, from, token);
  }
  /// Reads as `async_read_some` does, but at `offset`, and leaves the cursor.
  template <class MutableBufferSequence,
            asio::completion_token_for<void(asio_error_code, std::size_t)> Token>
  auto async_read_some_at(std::uint64_t offset, const MutableBufferSequence& to, Token&& token) {
    return begin_read<Token>(offset, to, token);
  }
  /// Writes as `async_write_some` does, but at `offset` as `write_at`, and leaves the cursor.
  template <class ConstBufferSequence,
            asio::completion_token_for<void(asio_error_code, std::size_t)> Token>
  auto async_write_some_at(std::uint64_t offset, const ConstBufferSequence& from, Token&& token) {
    return begin_write<Token>(offset, from, token);
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
  friend class detail::flight;
  friend class detail::open_file_operation;
  friend class detail::stream_members<file>;
  friend struct detail::handle_access;
  template <class, class, class>
  friend class detail::file_tokens;
  friend class file_buffer;
  using offset_or_cursor = std::optional<std::uint64_t>;

  class later;
  class initiate_read;
  class initiate_write;
  template <class Token, class Buffers>
  auto begin_read(offset_or_cursor offset, const Buffers& to,
                  std::remove_reference_t<Token>& token);
  template <class Token, class Buffers>
  auto begin_write(offset_or_cursor offset, const Buffers& from,
                   std::remove_reference_t<Token>& token);
  // What `stream_members` writes by.
  result<std::size_t> write_all(offset_or_cursor offset, const detail::byte_source& from) noexcept {
    return file_.write_all(offset, from);
  }
  static void start_write(detail::completion<result<std::size_t>>& to, detail::open_file& f,
                          offset_or_cursor offset, const detail::byte_source& from);
  file(detail::open_operation& done, std::shared_ptr<const executor_type> executor,
       std::uint64_t done_in_turn) noexcept
      : executor_(std::move(executor)), file_(done), done_in_turn_(done_in_turn) {}
  file(detail::volume_state& v, detail::node_use&& found, path_argument&& path, open_mode mode,
       const open_options& options, std::shared_ptr<const executor_type> executor,
       std::uint64_t done_in_turn) noexcept
      : executor_(std::move(executor)),
        file_(v, std::move(found), std::move(path), mode, options),
        done_in_turn_(done_in_turn) {}

  bool is_due(std::uint64_t size) noexcept;

  std::shared_ptr<const executor_type> executor_;  // which keeps the volume alive, too
  detail::open_file file_;
  std::uint64_t done_in_turn_ = 0;  // bytes that were read or stored since others last had a turn
};

/// @cond
// The operations of a file that was called with a completion token.
class CORAMFS_EXPORT file::later {
 public:
  template <class Outcome>
  using initiation = detail::initiation<Outcome>;

  explicit later(file& of) : of_(of), executor_(of.get_executor()) {}

  initiation<result<std::size_t>> read(asio::mutable_buffer to);
  initiation<result<bytes>> read_all();
  initiation<result<std::size_t>> write(asio::const_buffer from);
  initiation<result<std::size_t>> write(bytes&& from);
  initiation<result<std::size_t>> read_at(std::uint64_t offset, asio::mutable_buffer to);
  initiation<result<std::size_t>> write_at(std::uint64_t offset, asio::const_buffer from);
  initiation<result<std::uint64_t>> truncate(std::optional<std::uint64_t> size = {});
  initiation<result<void>> punch_hole(std::uint64_t offset, std::uint64_t size);
  initiation<result<void>> reserve(std::uint64_t size);
  initiation<result<void>> announce(std::uint64_t size, bool reserve = false);
  initiation<result<prepared>> prepare(std::size_t n);

 private:
  file& of_;
  executor_type executor_;
};

/// @endcond

class file::initiate_read {
 public:
  using executor_type = file::executor_type;

  explicit initiate_read(file& f) noexcept : file_(f) {}

  executor_type get_executor() const { return file_.get_executor(); }
  template <class Handler, class Buffers>
  void operator()(Handler&& handler, offset_or_cursor offset, const Buffers& to) const {
    detail::transferred t;
    t.count = detail::read_some(file_.file_, offset, to, t.ec, detail::stream_read_size);
    detail::complete_at_once(get_executor(), std::decay_t<Handler>(std::forward<Handler>(handler)),
                             t);
  }

 private:
  file& file_;
};

class file::initiate_write {
 public:
  using executor_type = file::executor_type;

  explicit initiate_write(file& f) noexcept : file_(f) {}

  executor_type get_executor() const { return file_.get_executor(); }
  template <class Handler, class Buffers>
  void operator()(Handler&& handler, offset_or_cursor offset, const Buffers& from) const {
    using handler_type = std::decay_t<Handler>;
    handler_type taken(std::forward<Handler>(handler));
    if (!file_.file_.writes_in_steps() && !file_.file_.promotes_long(offset)) {
      detail::transferred t;
      t.count =
          detail::take(file_.file_.write_all(offset, detail::source_of(from)), t.ec, file_.file_);
      return detail::complete_at_once(get_executor(), std::move(taken), t);
    }
    // The operation may go on after the initiation, so it needs a sequence of its own.
    using wrapped = detail::stream_handler<handler_type>;
    const auto kept =
        std::allocate_shared<const Buffers>(asio::get_associated_allocator(taken), from);
    auto& to = detail::handler_completion<wrapped, result<std::size_t>>::make(
        wrapped{std::move(taken), &file_.file_, kept}, get_executor());
    start_write(to, file_.file_, offset, detail::source_of(*kept));
  }

 private:
  file& file_;
};

template <class Token, class Buffers>
auto file::begin_read(offset_or_cursor offset, const Buffers& to,
                      std::remove_reference_t<Token>& token) {
  return asio::async_initiate<Token, void(asio_error_code, std::size_t)>(initiate_read(*this),
                                                                         token, offset, to);
}

template <class Token, class Buffers>
auto file::begin_write(offset_or_cursor offset, const Buffers& from,
                       std::remove_reference_t<Token>& token) {
  return asio::async_initiate<Token, void(asio_error_code, std::size_t)>(initiate_write(*this),
                                                                         token, offset, from);
}

}  // namespace coramfs
