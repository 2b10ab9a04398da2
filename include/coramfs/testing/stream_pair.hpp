// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/asio_stream.hpp>
#include <coramfs/detail/export.hpp>
#include <coramfs/detail/simulated_transfer.hpp>
#include <coramfs/testing/clock.hpp>
#include <coramfs/testing/simulation.hpp>

#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

namespace coramfs::testing {

/// How the bytes of a `stream_pair` travel, in both directions. The seed is that of the
/// simulation's schedule; the numbers are not those by which it chooses its steps.
struct stream_options {
  /// How many bytes are on their way in one direction, or have arrived and are not read: a write
  /// waits while it is as many.
  std::size_t capacity_bytes = 65'536;
  /// One read, and one write, moves at least one byte, and at most that many, by the seed.
  std::size_t largest_piece_bytes = 4'096;
  /// How long a piece is on its way, by the seed. None overtakes another one.
  /// @{
  clock::duration shortest_delay{};
  clock::duration longest_delay{};
  /// @}
  /// From 0 to 1: how likely it is that a write, which has succeeded, is the last before the
  /// connection breaks. Both ends stay open, and find out by `connection_reset`.
  double reset_rate = 0;
};

/// One end of a connection within a simulation: an AsyncReadStream and an AsyncWriteStream, with
/// what code that is written for a socket calls beyond that. `stream_pair` makes two of them.
///
/// The bytes arrive in order. When the other end has been closed or shut down for sending, reads
/// give `eof` after the last of them. After a `reset()`, all that was on its way is lost, in both
/// directions, and the other end's reads and writes give `connection_reset`. A write to an end that
/// is closed gives `broken_pipe`, also one that waits.
///
/// Any number of reads and writes may be pending; each direction serves them in the order in which
/// they began. Completions are as of `testing::timer`: a handler is ready as any other task, never
/// within the call, on its associated executor or else on that of the stream.
///
/// Thread safety and lifetime: as those of `testing::timer`. An operation's buffers must live until
/// it has completed; what a write was given is copied by then.
class CORAMFS_EXPORT stream {
 public:
  /// As a socket has them.
  /// @{
  using executor_type = asio::any_io_executor;
  using lowest_layer_type = stream;
  /// @}

  /// What is pending goes along. What was moved from is closed, and has its executor.
  /// @{
  stream(stream&& other) noexcept : executor_(other.executor_), end_(std::move(other.end_)) {}
  stream& operator=(stream&& other) noexcept;
  /// @}
  /// Closes it. An operation that there is no memory to end is destroyed with the simulation.
  ~stream();

  /// The executor that it was made with.
  const executor_type& get_executor() const noexcept { return executor_; }
  /// Itself.
  /// @{
  lowest_layer_type& lowest_layer() noexcept { return *this; }
  const lowest_layer_type& lowest_layer() const noexcept { return *this; }
  /// @}
  /// Whether it has neither been closed nor `reset()` at this end.
  bool is_open() const noexcept { return end_.is_open(); }

  /// Reads what has arrived, or waits until something has: at least a byte, unless all buffers are
  /// empty. Completes with an `error_code` and a number of bytes, which is 0 if there is an error:
  /// `eof`, `connection_reset`, `bad_descriptor` if it is closed, `operation_aborted` if it was
  /// cancelled, also by the token's cancellation slot, or closed meanwhile.
  template <class MutableBufferSequence,
            asio::completion_token_for<void(asio_error_code, std::size_t)> Token>
  auto async_read_some(const MutableBufferSequence& buffers, Token&& token) {
    return asio::async_initiate<Token, void(asio_error_code, std::size_t)>(
        initiate<coramfs::detail::simulated_read>{this}, token, buffers);
  }
  /// Sends a piece, or waits until there is room for one: at least a byte, unless all buffers are
  /// empty. Completes as a read, with `broken_pipe` in place of `eof`: also if this end was shut
  /// down for sending.
  template <class ConstBufferSequence,
            asio::completion_token_for<void(asio_error_code, std::size_t)> Token>
  auto async_write_some(const ConstBufferSequence& buffers, Token&& token) {
    return asio::async_initiate<Token, void(asio_error_code, std::size_t)>(
        initiate<coramfs::detail::simulated_write>{this}, token, buffers);
  }

  /// Sends nothing any more, or receives nothing: what arrives is dropped then, and reads give
  /// `eof`. Fails with `bad_descriptor` if it is closed.
  /// @{
  void shutdown(asio::socket_base::shutdown_type what);
  void shutdown(asio::socket_base::shutdown_type what, asio_error_code& ec);
  /// @}
  /// Ends what is pending here with `operation_aborted`. Fails as `shutdown`.
  /// @{
  void cancel();
  void cancel(asio_error_code& ec);
  /// @}
  /// Does so, and closes this end, if it is open. What was sent still arrives.
  /// @{
  void close();
  void close(asio_error_code& ec);
  /// @}
  /// Does the same, but what was sent and has not been read is lost, and the other end finds the
  /// connection reset.
  void reset();

 private:
  friend struct stream_pair;

  template <class Transfer>
  struct initiate {
    using executor_type = stream::executor_type;
    executor_type get_executor() const noexcept { return self->executor_; }

    template <class Handler, class Buffers>
    void operator()(Handler&& handler, const Buffers& buffers) const {
      using kept = std::decay_t<Handler>;
      using wait = coramfs::detail::simulated_wait_of<Transfer, kept>;
      auto made = std::make_shared<wait>(kept(std::forward<Handler>(handler)), self->executor_,
                                         asio::buffer_sequence_begin(buffers),
                                         asio::buffer_sequence_end(buffers));
      if (self->is_open()) {
        const coramfs::detail::simulated_place place = self->end_.next_place();
        made->cancel_at(place);
        self->end_.begin(place, std::move(made));
      } else {
        made->end(made->wanted() == 0 ? asio_error_code() : asio::error::bad_descriptor);
      }
    }

    stream* self;
  };

  stream(const executor_type& on, coramfs::detail::simulated_end_of_stream end) noexcept
      : executor_(on), end_(std::move(end)) {}

  executor_type executor_;
  coramfs::detail::simulated_end_of_stream end_;
};

/// Two ends of a connection that has just been made.
///
///     coramfs::testing::stream_pair pair(sim.get_executor(), {.largest_piece_bytes = 100});
///     sim.spawn(serve(std::move(pair.second)), "server");
///     sim.run(request(pair.first));
struct CORAMFS_EXPORT stream_pair {
  /// On an executor of a simulation's, or on one over it, such as a strand, or on one for each.
  /// Throws `std::logic_error` if their context is no simulation, or not the same,
  /// `std::invalid_argument` if the options make no sense, and `std::bad_alloc`.
  /// @{
  explicit stream_pair(const stream::executor_type& on, const stream_options& how = {})
      : stream_pair(on, on, how) {}
  explicit stream_pair(simulation& on, const stream_options& how = {})
      : stream_pair(stream::executor_type(on.get_executor()), how) {}
  stream_pair(const stream::executor_type& first_on, const stream::executor_type& second_on,
              const stream_options& how = {});
  /// @}

  /// The ends.
  /// @{
  stream first;
  stream second;
  /// @}

 private:
  struct pipes;
  stream_pair(const stream::executor_type& first_on, const stream::executor_type& second_on,
              const pipes& between);
};

}  // namespace coramfs::testing
