// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/archive.hpp>
#include <coramfs/asio.hpp>

#include "unit/integrations/archive/expand_by.hpp"

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace coramfs::tests {

/// Bytes that come in pieces, and then an end: `eof`, or an error.
struct arriving_text {
  std::string bytes;
  std::size_t largest_piece = 1000;
  asio_error_code end = asio::error::eof;
  std::size_t given = 0;

  std::size_t take(asio::mutable_buffer to, asio_error_code& ec) {
    const std::size_t n = std::min({largest_piece, bytes.size() - given, to.size()});
    if (n > 0) std::memcpy(to.data(), bytes.data() + given, n);
    given += n;
    ec = n == 0 ? end : asio_error_code();
    return n;
  }
};

/// The same as a SyncReadStream.
class blocking_text {
 public:
  explicit blocking_text(std::string bytes, std::size_t largest_piece = 1000)
      : text_{std::move(bytes), largest_piece} {}
  explicit blocking_text(arriving_text text) : text_(std::move(text)) {}

  std::size_t read_some(asio::mutable_buffer to, asio_error_code& ec) { return text_.take(to, ec); }
  std::size_t given() const noexcept { return text_.given; }

 private:
  arriving_text text_;
};

/// The same for a coroutine. `before_read` is told how many bytes were given, and says whether
/// anything comes now: otherwise the read stays as it is until it is cancelled.
class awaited_text {
 public:
  explicit awaited_text(std::string bytes, std::size_t largest_piece = 1000)
      : text_{std::move(bytes), largest_piece} {}
  explicit awaited_text(arriving_text text) : text_(std::move(text)) {}

  std::function<bool(std::size_t)> before_read = [](std::size_t) { return true; };

  asio::awaitable<std::size_t> async_read_some(asio::mutable_buffer to, asio::use_awaitable_t<>) {
    if (!before_read(text_.given)) {
      asio::steady_timer never(co_await asio::this_coro::executor,
                               asio::steady_timer::time_point::max());
      co_await never.async_wait(asio::use_awaitable);
    }
    co_await asio::post(asio::use_awaitable);
    asio_error_code ec;
    const std::size_t n = text_.take(to, ec);
    if (ec) throw asio_system_error(ec);
    co_return n;
  }
  std::size_t given() const noexcept { return text_.given; }

 private:
  arriving_text text_;
};

/// The same for a coroutine which it never suspends: so it takes no memory of Asio's to go on.
class ready_text {
 public:
  explicit ready_text(std::string bytes, std::size_t largest_piece = 1000)
      : text_{std::move(bytes), largest_piece} {}

  asio::awaitable<std::size_t> async_read_some(asio::mutable_buffer to, asio::use_awaitable_t<>) {
    asio_error_code ec;
    const std::size_t n = text_.take(to, ec);
    if (ec) throw asio_system_error(ec);
    co_return n;
  }
  std::size_t given() const noexcept { return text_.given; }

 private:
  arriving_text text_;
};

/// Expands by the blocking form; by a coroutine, which keeps it until it is whole; or with a pool.
inline result<expand_summary> arrive_by(way by, const volume& v, arriving_text text,
                                        const std::string& dest,
                                        const expand_options& options = {}) {
  blocking_text blocking(text);
  awaited_text awaited(std::move(text));
  return run_by<expand_summary>(by, v, options, [&](auto& fs, const expand_options& o) {
    if constexpr (std::is_same_v<decltype(fs), file_system&>) {
      return expand_arriving(fs, awaited, dest, o);
    } else {
      return expand_arriving(fs, blocking, dest, o);
    }
  });
}

}  // namespace coramfs::tests
