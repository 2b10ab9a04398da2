// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <exception>
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

/// What a read of a stream that has brought nothing has ended with, as a result: the end is no
/// failure.
inline result<std::size_t> result_of_end(const asio_error_code& ec) noexcept {
  if (!ec) return error(std::make_error_code(std::errc::io_error));
  if (ec == asio::error::eof) return std::size_t{0};
  if (ec == asio::error::operation_aborted) return errc::canceled;
  return error(static_cast<std::error_code>(ec));
}

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
    asio_error_code ec = std::exchange(late_, asio_error_code());
    // A stream that brings nothing has not ended by that.
    for (int i = 0; i < most_empty_reads && !ec; ++i) {
      std::size_t count = 0;
      try {
        if constexpr (gives_both) {
          count = co_await from_.async_read_some(to, asio::redirect_error(asio::use_awaitable, ec));
        } else {
          count = co_await from_.async_read_some(to, asio::use_awaitable);
        }
      } catch (const asio_system_error& e) {
        ec = e.code();
      } catch (...) {
        thrown_ = std::current_exception();
        ec = asio::error::operation_aborted;
      }
      if (count == 0) continue;
      late_ = ec;
      co_return count;
    }
    co_return result_of_end(ec);
  }
  /// What the stream has thrown, but for Asio's error: then a read has failed with `canceled`.
  const std::exception_ptr& thrown() const noexcept { return thrown_; }

 private:
  // Bytes that come with an error are lost where that is thrown. A stream that has coroutines alone
  // throws it.
  static constexpr bool gives_both =
      requires(AsyncReadStream & from, asio::mutable_buffer to, asio_error_code& ec) {
    from.async_read_some(to, asio::redirect_error(asio::use_awaitable, ec));
  };

  AsyncReadStream& from_;
  asio_error_code late_;  // came with the last bytes, and is told behind them
  std::exception_ptr thrown_;
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
    asio_error_code ec = std::exchange(late_, asio_error_code());
    for (int i = 0; i < most_empty_reads && !ec; ++i) {
      std::size_t count = 0;
      // Below here is libarchive, which nothing may be thrown through.
      try {
        count = from_.read_some(asio::mutable_buffer(to.data(), to.size()), ec);
      } catch (const asio_system_error& e) {
        ec = e.code();
      } catch (...) {
        thrown_ = std::current_exception();
        ec = asio::error::operation_aborted;
      }
      if (count == 0) continue;
      late_ = ec;
      return count;
    }
    return result_of_end(ec);
  }
  /// As that of an `arriving_stream`.
  const std::exception_ptr& thrown() const noexcept { return thrown_; }

 private:
  SyncReadStream& from_;
  asio_error_code late_;
  std::exception_ptr thrown_;
};

}  // namespace coramfs::detail
