// SPDX-License-Identifier: BSL-1.0
#include "shared/http_listener.hpp"

#include "shared/http_head.hpp"
#include "shared/input_buffer.hpp"

#include <coramfs/asio.hpp>

#include <boost/beast/http/parser.hpp>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <cstddef>
#include <optional>
#include <utility>

namespace shared {

namespace {

namespace http = boost::beast::http;
using asio::ip::tcp;

constexpr std::size_t request_limit = 16 * 1024;

/// One connection.
class session {
 public:
  session(tcp::socket& socket, http_responder& responder)
      : socket_(socket), responder_(responder), input_(request_limit) {}

  asio::awaitable<void> run();

 private:
  asio::awaitable<std::optional<http_request>> read_request();
  asio::awaitable<bool> receive();
  asio::awaitable<bool> answer(const http_request& request);

  tcp::socket& socket_;
  http_responder& responder_;
  input_buffer input_;
};

asio::awaitable<void> session::run() {
  for (bool open = true; open;) {
    const std::optional<http_request> next = co_await read_request();
    open = next && co_await answer(*next);
  }
}

// Nothing: the connection is of no more use.
asio::awaitable<std::optional<http_request>> session::read_request() {
  http::request_parser<http::empty_body> parser;
  boost::beast::error_code error;
  while (!parser.is_done()) {
    if (input_.empty() && !co_await receive()) co_return std::nullopt;
    const std::string_view unread = input_.unread();
    input_.consume(parser.put({unread.data(), unread.size()}, error));
    if (error == http::error::need_more) {
      if (!co_await receive()) co_return std::nullopt;
    } else if (error) {
      co_await send_status(socket_, http::status::bad_request, false);
      co_return std::nullopt;
    }
  }
  co_return parser.release();
}

asio::awaitable<bool> session::receive() {
  const asio::mutable_buffer space = input_.space();
  if (space.size() == 0) co_return false;
  coramfs::asio_error_code error;
  input_.commit(
      co_await socket_.async_read_some(space, asio::redirect_error(asio::use_awaitable, error)));
  co_return !error;
}

asio::awaitable<bool> session::answer(const http_request& request) {
  if (request.method() == http::verb::get) return responder_.answer(socket_, request);
  return send_status(socket_, http::status::method_not_allowed, request.keep_alive());
}

}  // namespace

http_response make_response(http::status status, std::uint64_t size, bool keep_alive) {
  http_response head(status, 11);
  head.content_length(size);
  head.keep_alive(keep_alive);
  return head;
}

asio::awaitable<bool> send_status(tcp::socket& to, http::status status, bool keep_alive) {
  const std::string text = serialized_head(make_response(status, 0, keep_alive));
  coramfs::asio_error_code error;
  co_await asio::async_write(to, asio::buffer(text),
                             asio::redirect_error(asio::use_awaitable, error));
  co_return keep_alive && !error;
}

http_listener::http_listener(const asio::any_io_executor& executor, http_responder& responder)
    : responder_(responder),
      acceptor_(executor, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
      port_(acceptor_.local_endpoint().port()) {}

asio::awaitable<void> http_listener::run() {
  while (acceptor_.is_open()) {
    coramfs::asio_error_code error;
    tcp::socket socket =
        co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) continue;
    socket.set_option(tcp::no_delay(true), error);
    const auto connection = connections_.insert(connections_.end(), std::move(socket));
    asio::co_spawn(acceptor_.get_executor(), serve(connection), asio::detached);
  }
}

asio::awaitable<void> http_listener::serve(connection_list::iterator connection) {
  session s(*connection, responder_);
  co_await s.run();
  connections_.erase(connection);
}

void http_listener::close() {
  coramfs::asio_error_code ignored;
  acceptor_.close(ignored);
  for (tcp::socket& connection : connections_) connection.close(ignored);
}

}  // namespace shared
