// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "shared/input_buffer.hpp"
#include "shared/url.hpp"

#include <coramfs/result.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace shared {

/// The status line of a response.
struct http_status {
  unsigned code;
  std::string reason;

  bool is_ok() const { return code == 200; }
};

/// A client's connection, to one server after the other. It is kept open between requests as
/// long as the server agrees and the next request is for the same one.
///
/// A response is pulled: `get`, then `read_body` as far as `body_left` says, or `read_some_body`
/// until it gives nothing; or `discard_body`.
///
/// Thread safety: none; one operation at a time. `abort` and `abort_if_stalled` may be called
/// while one runs.
class http_connection {
 public:
  using clock = std::chrono::steady_clock;

  explicit http_connection(const asio::any_io_executor& executor);
  ~http_connection();

  /// Sends a request and receives the head of the response. `from` must live until completion.
  ///
  /// Errors: those of name lookup and of the connection; Beast's for what is no HTTP;
  /// `std::errc::timed_out` after `abort_if_stalled`.
  asio::awaitable<coramfs::result<http_status>> get(const url& from);

  /// Bytes of the body still to be read. None: only its end will tell, as it is sent in chunks or
  /// until the connection ends.
  std::optional<std::uint64_t> body_left() const { return body_left_; }

  /// Receives as many bytes of the body as `room` holds, straight into it; for a body whose length
  /// is known, no more than `body_left`. What arrives is added to `received` as it does.
  ///
  /// Errors: as `get`, and if the connection ends before the body does.
  asio::awaitable<coramfs::result<void>> read_body(std::vector<asio::mutable_buffer> room,
                                                   std::uint64_t& received);

  /// The next piece of a body whose length is not known, free of any transfer coding; valid until
  /// the next call. Empty: the body was received whole.
  ///
  /// Errors: as `read_body`.
  asio::awaitable<coramfs::result<std::string_view>> read_some_body();

  /// Gives up the rest of the body: receives it if it is short, else closes the connection.
  asio::awaitable<void> discard_body();

  /// What is running fails soon, and all that is begun later.
  void abort();

  /// Makes what is running fail if it has received and sent nothing for `longest`.
  void abort_if_stalled(clock::duration longest);

 private:
  class response_parser;

  bool is_connected_to(const url& server) const;
  asio::awaitable<coramfs::result<void>> connect(const url& server);
  asio::awaitable<coramfs::result<http_status>> exchange(const url& from);
  asio::awaitable<coramfs::result<void>> send_request(const url& from);
  asio::awaitable<coramfs::result<http_status>> receive_head();
  asio::awaitable<coramfs::result<void>> parse_some();
  asio::awaitable<coramfs::result<void>> receive();
  asio::awaitable<coramfs::result<void>> fill(std::vector<asio::mutable_buffer> room,
                                              std::uint64_t& received);
  void finish_response();
  void close();
  std::error_code cause(std::error_code seen) const;

  asio::ip::tcp::resolver resolver_;
  asio::ip::tcp::socket socket_;
  url server_;  ///< whom the socket is connected to
  input_buffer input_;
  std::unique_ptr<response_parser> parser_;  ///< of the response being received
  std::optional<std::uint64_t> body_left_;
  bool response_began_ = false;
  bool aborted_ = false, stalled_ = false;
  clock::time_point waiting_since_ = clock::time_point::max();  ///< max: for nothing
};

}  // namespace shared
