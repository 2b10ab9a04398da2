// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <exception>
#include <span>
#include <system_error>

namespace coramfs::detail {

/// What a read of a stream has ended with, as a result: the end is no failure.
inline result<std::size_t> result_of_read(std::size_t count, const asio_error_code& ec) noexcept {
  if (!ec) return count;
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
  /// stream's; `canceled`.
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
    asio_error_code ec;
    std::size_t count = 0;
    // A stream that brings nothing has not ended by that.
    while (count == 0 && !ec) {
      try {
        count = co_await from_.async_read_some(to, asio::use_awaitable);
      } catch (const asio_system_error& e) {
        ec = e.code();
      } catch (...) {
        thrown_ = std::current_exception();
        ec = asio::error::operation_aborted;
      }
    }
    co_return result_of_read(count, ec);
  }
  /// What the stream has thrown, but for Asio's error: then a read has failed with `canceled`.
  const std::exception_ptr& thrown() const noexcept { return thrown_; }

 private:
  AsyncReadStream& from_;
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
    asio_error_code ec;
    std::size_t count = 0;
    while (count == 0 && !ec)
      count = from_.read_some(asio::mutable_buffer(to.data(), to.size()), ec);
    return result_of_read(count, ec);
  }

 private:
  SyncReadStream& from_;
};

}  // namespace coramfs::detail
