// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <exception>
#include <new>
#include <span>
#include <system_error>
#include <utility>

#if defined(CORAMFS_BOOST_ASIO)
#include <boost/asio/redirect_error.hpp>
#else
#include <asio/redirect_error.hpp>
#endif

namespace coramfs::detail {

/// So often in a row a stream may bring nothing, and not end.
inline constexpr int most_empty_reads = 1000;

/// The reads of a stream, awaited or not, that bring its next piece: as many as it takes, since a
/// stream that brings nothing has not ended by that. For each piece it is begun anew.
class stream_reads {
 public:
  /// What the last read has given.
  std::size_t count = 0;
  asio_error_code ec;

  void begin() noexcept {
    count = 0;
    ec = std::exchange(late_, asio_error_code());
    left_ = most_empty_reads;
  }
  /// Whether there is to be another read.
  bool go_on() noexcept { return count == 0 && !ec && left_-- > 0; }
  /// To be called where a read has thrown, by what catches that.
  void note_thrown() noexcept {
    try {
      throw;
    } catch (const asio_system_error& e) {
      ec = e.code();
    } catch (const std::bad_alloc&) {
      ec = asio::error::no_memory;
    } catch (...) {
      thrown_ = std::current_exception();
      ec = asio::error::operation_aborted;
    }
  }
  /// The size of the piece; none: the stream has ended, which is no failure.
  result<std::size_t> outcome() noexcept {
    if (count > 0) {
      late_ = ec;
      return count;
    }
    if (!ec) return error(std::make_error_code(std::errc::io_error));
    if (ec == asio::error::eof) return std::size_t{0};
    if (ec == asio::error::operation_aborted) return errc::canceled;
    if (ec == asio::error::no_memory) return errc::out_of_memory;
    return error(static_cast<std::error_code>(ec));
  }
  /// What the stream has thrown, but for Asio's error and `std::bad_alloc`: then a read has failed
  /// with `canceled`.
  const std::exception_ptr& thrown() const noexcept { return thrown_; }

 private:
  int left_ = 0;
  asio_error_code late_;  // came with the last bytes, and is told behind them
  std::exception_ptr thrown_;
};

/// The bytes that still arrive, for a coroutine.
class arriving_source {
 public:
  arriving_source(const arriving_source&) = delete;
  arriving_source& operator=(const arriving_source&) = delete;

  /// Reads at least one byte into a buffer that is not empty, or none at the end. Errors: the
  /// stream's; `io_error` for one that goes on bringing nothing; `canceled`.
  virtual asio::awaitable<result<std::size_t>> read_some(asio::mutable_buffer to) = 0;

 protected:
  arriving_source() = default;
  ~arriving_source() = default;
};

template <class AsyncReadStream>
class arriving_stream final : public arriving_source {
 public:
  explicit arriving_stream(AsyncReadStream& from) noexcept : from_(from) {}

  asio::awaitable<result<std::size_t>> read_some(asio::mutable_buffer to) override {
    for (reads_.begin(); reads_.go_on();) {
      try {
        if constexpr (gives_both) {
          reads_.count = co_await from_.async_read_some(
              to, asio::redirect_error(asio::use_awaitable, reads_.ec));
        } else {
          reads_.count = co_await from_.async_read_some(to, asio::use_awaitable);
        }
      } catch (...) {
        reads_.note_thrown();
      }
    }
    co_return reads_.outcome();
  }
  /// As that of `stream_reads`.
  const std::exception_ptr& thrown() const noexcept { return reads_.thrown(); }

 private:
  // Bytes that come with an error are lost where that is thrown. A stream that has coroutines alone
  // throws it.
  static constexpr bool gives_both =
      requires(AsyncReadStream & from, asio::mutable_buffer to, asio_error_code& ec) {
    from.async_read_some(to, asio::redirect_error(asio::use_awaitable, ec));
  };

  AsyncReadStream& from_;
  stream_reads reads_;
};

/// The same for a thread, which it blocks.
class arriving_bytes {
 public:
  arriving_bytes(const arriving_bytes&) = delete;
  arriving_bytes& operator=(const arriving_bytes&) = delete;

  /// As `arriving_source::read_some`.
  virtual result<std::size_t> read(std::span<std::byte> to) = 0;

 protected:
  arriving_bytes() = default;
  ~arriving_bytes() = default;
};

template <class SyncReadStream>
class blocking_stream final : public arriving_bytes {
 public:
  explicit blocking_stream(SyncReadStream& from) noexcept : from_(from) {}

  result<std::size_t> read(std::span<std::byte> to) override {
    for (reads_.begin(); reads_.go_on();) {
      // Below here is libarchive, which nothing may be thrown through.
      try {
        reads_.count = from_.read_some(asio::mutable_buffer(to.data(), to.size()), reads_.ec);
      } catch (...) {
        reads_.note_thrown();
      }
    }
    return reads_.outcome();
  }
  /// As that of `stream_reads`.
  const std::exception_ptr& thrown() const noexcept { return reads_.thrown(); }

 private:
  SyncReadStream& from_;
  stream_reads reads_;
};

}  // namespace coramfs::detail
