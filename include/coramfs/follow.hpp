// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/completion.hpp>
#include <coramfs/detail/follower_tokens.hpp>
#include <coramfs/detail/initiation.hpp>
#include <coramfs/detail/open_follower.hpp>
#include <coramfs/detail/stream_handler.hpp>
#include <coramfs/follow_options.hpp>
#include <coramfs/pinned.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace coramfs {

namespace detail {
class fetch_follower_operation;
class open_follower_operation;
}  // namespace detail

template <class Object, class Executor>
class with_default_token;

/// One who reads a file while it is written, for coroutines. `file_system::follow` makes it.
///
/// It holds the file busy, but not its lock. Followers are independent of each other, and each has
/// a position of its own. What is committed never changes, so a follower reads it without waiting
/// for anybody. A file that has no writer is complete, and locked for reading while it is followed.
///
/// It is move-only. A moved-from one is closed, as one that is made without a file: its calls fail
/// with `not_open`.
///
/// Each operation also takes a completion token, by the rule of `file_system`. An operation that
/// returns an awaitable does nothing until it is awaited, and resumes on the awaiting coroutine's
/// executor.
///
/// Waits: `next`, `read` and `async_read_some` wait where there is too little, each for as long as
/// `follow_options::patience` says, and never once the writer has ended. While one waits it counts
/// in `volume_stats::waiting`. A writer resumes nobody inside its own calls. Where there is enough
/// an operation completes without suspending, but for a turn about every 4 MiB.
///
/// Cancellation: all types end a wait, as far as the coroutine's filter lets them through, with
/// `canceled`. The follower is as before then, and can be used.
///
/// It also models Asio's AsyncReadStream.
///
/// Lifetime: a follower outlives the file system that it came from, and keeps its volume alive. It
/// must stay where it is from the call of an operation to its end, and buffers must live as long.
///
/// Thread safety: distinct objects may be used at once; one object takes one call at a time.
///
///     auto f = co_await fs.follow("/download");
///     if (!f) co_return f.error();
///     for (;;) {
///       auto piece = co_await f.value().next();
///       if (!piece) co_return piece.error();
///       if (piece.value().size() == 0) break;
///       co_await asio::async_write(client, piece.value(), asio::use_awaitable);
///     }
class CORAMFS_EXPORT follower : public detail::follower_tokens<follower> {
  using tokens = detail::follower_tokens<follower>;

 public:
  /// What Asio's stream concepts ask for.
  using executor_type = asio::any_io_executor;

  /// Makes a closed follower.
  follower() noexcept = default;

  /// The executor of the file system that it came from, or the system executor for one that came
  /// from none or was moved from.
  executor_type get_executor() const {
    return executor_ != nullptr ? *executor_ : detail::system_io_executor();
  }

  /// Pins the next bytes, at most `at_most` of them, and moves the position behind them. They are
  /// given out in 32 runs of bytes at most, so it may be less than is there. No bytes mean that the
  /// file is complete and that all of it was seen, and nothing else does.
  ///
  /// It completes at once if `at_least` bytes are there, or `at_most` if that is less; if there are
  /// any and the patience is immediate; or if the writer has ended.
  ///
  /// Errors, after which the follower can be used as before: `invalid_argument` for 0 bytes;
  /// `timed_out`; `canceled`; `would_block` if there is nothing and the patience is immediate;
  /// behind the last byte of an abandoned file what it was abandoned with, each time;
  /// `out_of_memory`.
  /// Charges: nothing. As of any pin, what is pinned stays charged until the last pin goes.
  asio::awaitable<result<pinned>> next(std::size_t at_most = 1 << 20);
  /// Copies the next bytes and returns how many, as `next` does: 0 means that the file is complete
  /// and that all of it was seen, or that the buffer is empty. Errors: as `next`, but none for an
  /// empty buffer but `not_open`.
  asio::awaitable<result<std::size_t>> read(asio::mutable_buffer to);

  // Both for any completion token, too.
  using tokens::next;
  using tokens::read;

  /// Reads the next bytes into the first of the buffers that is not empty, as `read` does. It takes
  /// any completion token, has the completion signature `void(asio_error_code, std::size_t)`, and
  /// begins when the token's initiation runs.
  ///
  /// The handler is called on its associated executor, or else on the file system's, and within the
  /// initiation only where it has associated an immediate executor that does so. Memory comes from
  /// the associated allocator, whose exceptions pass through the initiation. All cancellation types
  /// end a wait.
  ///
  /// Errors: `asio::error::eof` with 0 bytes where the file is complete and all of it was seen,
  /// unless all buffers are empty; `asio::error::operation_aborted` for a cancelled wait; the
  /// `errc` of `read`.
  template <class MutableBufferSequence,
            asio::completion_token_for<void(asio_error_code, std::size_t)> Token>
  auto async_read_some(const MutableBufferSequence& to, Token&& token) {
    asio::mutable_buffer first;
    const auto end = asio::buffer_sequence_end(to);
    for (auto i = asio::buffer_sequence_begin(to); i != end && first.size() == 0; ++i)
      first = asio::mutable_buffer(*i);
    return begin_read<Token>(first, token);
  }

  /// How many bytes of the file are committed now.
  std::uint64_t committed() const noexcept { return file_.committed(); }
  /// The offset of the byte that comes next.
  std::uint64_t position() const noexcept { return file_.position(); }
  /// What is known of the end now.
  follow_state state() const noexcept { return file_.state(); }
  /// The size that the writer has announced, if it has.
  std::optional<std::uint64_t> expected_size() const noexcept { return file_.expected_size(); }

 private:
  friend class detail::fetch_follower_operation;
  friend class detail::open_follower_operation;
  template <class, class, class>
  friend class detail::follower_tokens;

  class later;
  class initiate_read;
  static void start_read(detail::completion<result<std::size_t>>& to, follower& f,
                         asio::mutable_buffer into);
  follower(detail::follow_operation& done, std::shared_ptr<const executor_type> executor,
           std::uint64_t done_in_turn) noexcept
      : executor_(std::move(executor)), file_(done), done_in_turn_(done_in_turn) {}
  bool is_due(std::size_t at_most) noexcept;
  template <class Token>
  auto begin_read(asio::mutable_buffer to, std::remove_reference_t<Token>& token);

  std::shared_ptr<const executor_type> executor_;  // which keeps the volume alive, too
  detail::open_follower file_;
  std::uint64_t done_in_turn_ = 0;  // bytes that were read since others last had a turn
};

/// @cond
// The operations of a follower that was called with a completion token.
class CORAMFS_EXPORT follower::later {
 public:
  explicit later(follower& of) : of_(of), executor_(of.get_executor()) {}

  detail::initiation<result<pinned>> next(std::size_t at_most = 1 << 20);
  detail::initiation<result<std::size_t>> read(asio::mutable_buffer to);

 private:
  follower& of_;
  executor_type executor_;
};

class follower::initiate_read {
 public:
  using executor_type = follower::executor_type;

  explicit initiate_read(follower& f) noexcept : follower_(f) {}

  executor_type get_executor() const { return follower_.get_executor(); }
  template <class Handler>
  void operator()(Handler&& handler, asio::mutable_buffer to) const {
    using handler_type = std::decay_t<Handler>;
    if (to.size() == 0)
      return detail::complete_at_once(get_executor(), handler_type(std::forward<Handler>(handler)),
                                      detail::transferred{{}, 0});
    using wrapped = detail::stream_handler<handler_type>;
    auto& completion = detail::handler_completion<wrapped, result<std::size_t>>::make(
        wrapped{handler_type(std::forward<Handler>(handler))}, get_executor());
    start_read(completion, follower_, to);
  }

 private:
  follower& follower_;
};

template <class Token>
auto follower::begin_read(asio::mutable_buffer to, std::remove_reference_t<Token>& token) {
  return asio::async_initiate<Token, void(asio_error_code, std::size_t)>(initiate_read(*this),
                                                                         token, to);
}
/// @endcond

}  // namespace coramfs
