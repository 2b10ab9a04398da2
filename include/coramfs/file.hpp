// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/buffer_span.hpp>
#include <coramfs/detail/call_scope.hpp>
#include <coramfs/detail/completion.hpp>
#include <coramfs/detail/open_file.hpp>
#include <coramfs/detail/stream.hpp>
#include <coramfs/detail/stream_handler.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/pinned.hpp>
#include <coramfs/prepared.hpp>
#include <coramfs/result.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/associated_allocator.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/system_executor.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace coramfs {

namespace detail {
class file_opening;
}

/// An open file.
///
/// Holds its file's lock (shared for `open_mode::read`, exclusive for the others) from open to
/// close; the destructor closes, also in stack unwinding and with a destroyed coroutine. Reads
/// and writes therefore never wait for a lock. The operations that return an awaitable complete
/// without suspending where nothing has to be waited for, and resume on the awaiting
/// coroutine's executor where something has.
///
/// On a handle of `when_full::wait`, `write`, `write_at`, a `truncate` that grows, `prepare` and
/// the asynchronous stream writes wait for space, each for as long as the timeout of the open
/// says; then the errors `timed_out` and `canceled` come to theirs, and `quota_exceeded` means that
/// the request could never fit. While one waits nothing of it can be seen.
///
/// Reads and writes of more than 1 MiB give the executor a turn after each, and so does a write
/// that turns a long chain into a table; nobody else sees the file meanwhile. Cancelled in between,
/// a read ends with `canceled` and leaves the cursor; a write runs to its end.
///
/// It also models Asio's SyncReadStream and SyncWriteStream, and the random-access twins of both
/// (`read_some`, `write_some`, `read_some_at`, `write_some_at`, as in coramfs/detail/stream.hpp),
/// which never wait for space.
///
/// Lifetime: a file outlives the file system that it came from, and keeps its volume alive. It
/// must stay where it is while one of its operations runs; buffers must live until completion.
///
/// Thread safety: distinct objects, safe; one object, one call at a time.
///
/// Errors: every call but `close` fails with `not_open` on a closed file; after any other error
/// the file is still open, and unchanged.
///
///     auto f = co_await fs.open("/dl/a.zip", coramfs::open_mode::write);
///     if (!f) co_return f.error();
///     auto n = co_await f.value().write(asio::buffer(data));
class CORAMFS_EXPORT file : public detail::stream_members<file> {
 public:
  using executor_type = asio::any_io_executor;

  /// A closed file.
  file() noexcept = default;

  /// The file system's executor. Of a file that came from none, or was moved from: the system's.
  executor_type get_executor() const {
    return executor_ != nullptr ? *executor_ : executor_type(asio::system_executor());
  }

  /// Reads at the cursor and moves it. 0 at or past the end; less than the buffer only there.
  ///
  /// Errors: `not_readable`.
  asio::awaitable<result<std::size_t>> read(asio::mutable_buffer to);

  /// The bytes from the cursor to the end, which is then the cursor.
  ///
  /// Errors: `not_readable`; `out_of_memory`. Charges nothing: the bytes are the caller's.
  asio::awaitable<result<bytes>> read_all();

  /// Stores the whole buffer at the cursor (`open_mode::append`: at the end), and moves the
  /// cursor behind it; or fails, and nothing has changed.
  ///
  /// Errors: `not_writable`; `too_large` beyond 2^63 - 1 bytes; `not_supported` if it would
  /// leave a gap in a sequential file; `quota_exceeded`; `memory_guard`; `out_of_memory`.
  /// Charges: what the file grows by; an overwrite is free.
  asio::awaitable<result<std::size_t>> write(asio::const_buffer from);

  /// `write` of text, of a literal without its NUL, or of bytes, which must live until completion.
  template <detail::content_like Content>
  asio::awaitable<result<std::size_t>> write(const Content& from) {
    return write(detail::to_buffer(from));
  }

  /// As the first, but takes the buffer over: at the end of a sequential file it is not copied. On
  /// success `from` is empty, on failure untouched. Charges by the buffer's capacity.
  ///
  /// A temporary is safe also where the awaitable is spawned or kept: `from` is taken at the call,
  /// and given back, or not, within the expression that calls, as in `co_await f.write(...)`.
  /// Where the awaitable outlives that, the buffer is the operation's for good.
  asio::awaitable<result<std::size_t>> write(bytes&& from,
                                             detail::call_scope&& scope = detail::call_scope());

  /// `read` at `offset`. The cursor stays.
  asio::awaitable<result<std::size_t>> read_at(std::uint64_t offset, asio::mutable_buffer to);

  /// `write` at `offset`. The cursor stays. With `open_mode::append` the offset must be the size.
  asio::awaitable<result<std::size_t>> write_at(std::uint64_t offset, asio::const_buffer from);
  template <detail::content_like Content>
  asio::awaitable<result<std::size_t>> write_at(std::uint64_t offset, const Content& from) {
    return write_at(offset, detail::to_buffer(from));
  }

  /// Cuts the file to `size` bytes, or extends it with zeros; none: to the cursor. Where it cuts,
  /// a cursor beyond the new end is moved there; else the cursor stays, also past the end.
  /// Returns the size. With `storage_layout::automatic` an empty file is extended by a hole.
  ///
  /// Errors: `not_writable`; when growing `too_large`, `quota_exceeded`, `memory_guard`,
  /// `out_of_memory`. Charges: what the file grows by, unless that is a hole.
  asio::awaitable<result<std::uint64_t>> truncate(std::optional<std::uint64_t> size = {});

  /// The bytes from `offset` on, at most `n` of them and none at or past the end, as they are
  /// now and will be seen through the pin whatever becomes of the file. No byte is copied.
  ///
  /// Errors: `not_readable`; `out_of_memory`. Charges nothing; but with `accounting::memory`
  /// what is pinned stays charged until the last pin of it goes, and a write to it is charged
  /// for the copy that it makes. Bytes over which there is prepared room are pinned as a copy, for
  /// a commit may need no space: it is charged, and may fail, as a write of so many bytes.
  result<pinned> pin(std::uint64_t offset, std::size_t n);

  /// Room for `n` bytes at the cursor (`open_mode::append`: at the end), for others to fill. The
  /// file is unchanged until `commit`; another `prepare`, a write, `truncate`, `seek` or `close`
  /// gives the room back and ends its buffers.
  ///
  /// Errors: as `write`. Charges: as a write of `n` bytes; over bytes that are there, with
  /// `accounting::memory`, the room itself too.
  asio::awaitable<result<prepared>> prepare(std::size_t n);

  /// Stores the first `n` bytes of what is prepared, moves the cursor behind them and gives back
  /// the rest. It needs no more space than `prepare` took.
  ///
  /// Errors: `invalid_argument` for more than is prepared, which stays.
  result<void> commit(std::size_t n) { return file_.commit(n); }

  /// Moves the cursor, also past the end, and returns it.
  ///
  /// Errors: `invalid_argument` for a position below 0 or above 2^63 - 1.
  result<std::uint64_t> seek(std::int64_t offset, seek_from from = seek_from::start) {
    return file_.seek(offset, from);
  }
  result<std::uint64_t> tell() const { return file_.tell(); }
  result<std::uint64_t> size() const { return file_.size(); }

  /// Nothing to do: what is written is in the file.
  result<void> flush() { return file_.flush(); }

  /// Releases the lock and gives slack back to the quota. A second close is a no-op.
  result<void> close() {
    file_.close();
    return boost::outcome_v2::success();
  }

  // An AsyncReadStream, an AsyncWriteStream, and the two random-access devices, for any completion
  // token, with the signature `void(std::error_code, std::size_t)`. Where the handle waits for
  // space, so do these; a cancelled wait is `asio::error::operation_aborted`. Buffers and the file
  // must live, and the file must stay where it is, until completion. The handler is called on its
  // associated executor, or else on the file system's, and never from within the initiation. A
  // read takes at most 1 MiB at once.
  template <class MutableBufferSequence,
            ASIO_COMPLETION_TOKEN_FOR(void(std::error_code, std::size_t)) Token>
  auto async_read_some(const MutableBufferSequence& to, Token&& token) {
    return begin_read({}, to, token);
  }
  template <class ConstBufferSequence,
            ASIO_COMPLETION_TOKEN_FOR(void(std::error_code, std::size_t)) Token>
  auto async_write_some(const ConstBufferSequence& from, Token&& token) {
    return begin_write({}, from, token);
  }
  template <class MutableBufferSequence,
            ASIO_COMPLETION_TOKEN_FOR(void(std::error_code, std::size_t)) Token>
  auto async_read_some_at(std::uint64_t offset, const MutableBufferSequence& to, Token&& token) {
    return begin_read(offset, to, token);
  }
  template <class ConstBufferSequence,
            ASIO_COMPLETION_TOKEN_FOR(void(std::error_code, std::size_t)) Token>
  auto async_write_some_at(std::uint64_t offset, const ConstBufferSequence& from, Token&& token) {
    return begin_write(offset, from, token);
  }

  bool is_open() const noexcept { return file_.is_open(); }
  bool readable() const noexcept { return file_.readable(); }
  bool writable() const noexcept { return file_.writable(); }
  bool seekable() const noexcept { return file_.seekable(); }
  /// The normal form of the path that it was opened by.
  const std::string& path() const noexcept { return file_.path(); }
  open_mode mode() const noexcept { return file_.mode(); }

 private:
  friend class detail::file_opening;
  friend class detail::stream_members<file>;
  friend class file_buffer;
  using offset_or_cursor = std::optional<std::uint64_t>;

  class initiate_read;
  class initiate_write;
  template <class Buffers, class Token>
  auto begin_read(offset_or_cursor offset, const Buffers& to, Token& token);
  template <class Buffers, class Token>
  auto begin_write(offset_or_cursor offset, const Buffers& from, Token& token);
  // Of the synchronous streams.
  result<std::size_t> write_all(offset_or_cursor offset, const detail::byte_source& from) noexcept {
    return file_.write_all(offset, from);
  }
  static void start_write(detail::completion<result<std::size_t>>& to, detail::open_file& f,
                          offset_or_cursor offset, const detail::byte_source& from);
  file(detail::opening& done, std::shared_ptr<const executor_type> executor) noexcept
      : executor_(std::move(executor)), file_(done) {}
  file(detail::volume_state& v, detail::node_use&& found, path_argument&& path, open_mode mode,
       const open_options& options, std::shared_ptr<const executor_type> executor) noexcept
      : executor_(std::move(executor)),
        file_(v, std::move(found), std::move(path), mode, options) {}

  bool is_due(std::uint64_t size) noexcept;

  std::shared_ptr<const executor_type> executor_;  // and with it the volume
  detail::open_file file_;
  std::uint64_t done_in_turn_ = 0;  // what has been done since others last had a turn
};

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
    if (!file_.file_.waits_for_space() && !file_.file_.promotes_long(offset)) {
      detail::transferred t;
      t.count = detail::take(file_.file_.write_all(offset, detail::source_of(from)), t.ec);
      return detail::complete_at_once(get_executor(), std::move(taken), t);
    }
    // A sequence that stays with its operation.
    using wrapped = detail::stream_handler<handler_type>;
    const auto kept =
        std::allocate_shared<const Buffers>(asio::get_associated_allocator(taken), from);
    auto& to = detail::handler_completion<wrapped, result<std::size_t>>::make(
        wrapped{std::move(taken), kept}, get_executor());
    start_write(to, file_.file_, offset, detail::source_of(*kept));
  }

 private:
  file& file_;
};

template <class Buffers, class Token>
auto file::begin_read(offset_or_cursor offset, const Buffers& to, Token& token) {
  return asio::async_initiate<Token, void(std::error_code, std::size_t)>(initiate_read(*this),
                                                                         token, offset, to);
}

template <class Buffers, class Token>
auto file::begin_write(offset_or_cursor offset, const Buffers& from, Token& token) {
  return asio::async_initiate<Token, void(std::error_code, std::size_t)>(initiate_write(*this),
                                                                         token, offset, from);
}

}  // namespace coramfs
