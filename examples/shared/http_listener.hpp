// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>

#include <cstdint>
#include <list>
#include <string>
#include <string_view>

namespace shared {

using http_request = boost::beast::http::request<boost::beast::http::empty_body>;
using http_response = boost::beast::http::response<boost::beast::http::empty_body>;

/// The head of a response whose body has `size` bytes.
http_response make_response(boost::beast::http::status status, std::uint64_t size, bool keep_alive);

/// Sends a response without a body. Like all that sends here it returns whether the connection can
/// be used again.
asio::awaitable<bool> send_status(asio::ip::tcp::socket& to, boost::beast::http::status status,
                                  bool keep_alive);

/// What a server serves.
class http_responder {
 public:
  virtual ~http_responder() = default;

  /// Answers a GET with `send_status`, or with a head and a body. Both arguments live until
  /// completion.
  virtual asio::awaitable<bool> answer(asio::ip::tcp::socket& to, const http_request& request) = 0;
};

/// Listens on a port of the loopback interface, and has the requests of each connection answered
/// one after the other, for as long as either side wants more.
///
/// Thread safety: none; all on the thread of its executor.
class http_listener {
 public:
  /// Throws `std::system_error` if no port can be had. The responder must outlive the coroutines.
  http_listener(const asio::any_io_executor& executor, http_responder& responder);

  std::uint16_t port() const { return port_; }

  /// Accepts connections until it is closed. Must be spawned on the executor.
  asio::awaitable<void> run();

  /// Closes all connections, also in the middle of a response: with nothing left to wait for,
  /// every coroutine ends.
  void close();

 private:
  using connection_list = std::list<asio::ip::tcp::socket>;

  asio::awaitable<void> serve(connection_list::iterator connection);

  http_responder& responder_;
  asio::ip::tcp::acceptor acceptor_;
  const std::uint16_t port_;
  connection_list connections_;
};

}  // namespace shared
