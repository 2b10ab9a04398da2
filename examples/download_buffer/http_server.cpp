// SPDX-License-Identifier: BSL-1.0
#include "http_server.hpp"

#include "http_head.hpp"
#include "input_buffer.hpp"
#include "url.hpp"

#include <boost/beast/http/parser.hpp>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace download_buffer {

namespace {

namespace http = boost::beast::http;
using asio::ip::tcp;
using request = http::request<http::empty_body>;
using response = http::response<http::empty_body>;

constexpr std::size_t piece_size = 64 * 1024;
constexpr std::size_t request_limit = 16 * 1024;

/// One connection: reads requests and answers them until either side has enough.
class session {
 public:
  session(tcp::socket& socket, const std::filesystem::path& root)
      : socket_(socket), root_(root), input_(request_limit), piece_(piece_size) {}

  asio::awaitable<void> run();

 private:
  asio::awaitable<std::optional<request>> read_request();
  asio::awaitable<bool> receive();
  asio::awaitable<bool> answer(const request& r);
  asio::awaitable<bool> send_file(std::ifstream& file, std::uint64_t size, response& head);
  asio::awaitable<bool> send_status(http::status status, bool keep_alive);

  tcp::socket& socket_;
  const std::filesystem::path& root_;
  input_buffer input_;
  std::vector<char> piece_;
};

response make_response(http::status status, std::uint64_t size, bool keep_alive) {
  response head(status, 11);
  head.content_length(size);
  head.keep_alive(keep_alive);
  return head;
}

// The file that a target names. Nothing unless it is a regular file that is reached from the
// root without "..", symbolic links and the like.
std::optional<std::filesystem::path> locate(const std::filesystem::path& root,
                                            std::string_view target) {
  const auto decoded = percent_decode(target.substr(0, target.find('?')));
  if (!decoded || !decoded->starts_with('/') || decoded->find('\0') != std::string::npos)
    return std::nullopt;
  std::filesystem::path path = root / decoded->substr(1);
  std::error_code error;
  if (std::filesystem::canonical(path, error) != path || error) return std::nullopt;
  if (!std::filesystem::is_regular_file(path, error)) return std::nullopt;
  return path;
}

asio::awaitable<void> session::run() {
  for (bool open = true; open;) {
    const std::optional<request> next = co_await read_request();
    open = next && co_await answer(*next);
  }
}

// Nothing: the connection is of no more use.
asio::awaitable<std::optional<request>> session::read_request() {
  http::request_parser<http::empty_body> parser;
  boost::beast::error_code error;
  while (!parser.is_done()) {
    if (input_.empty() && !co_await receive()) co_return std::nullopt;
    const std::string_view unread = input_.unread();
    input_.consume(parser.put({unread.data(), unread.size()}, error));
    if (error == http::error::need_more) {
      if (!co_await receive()) co_return std::nullopt;
    } else if (error) {
      co_await send_status(http::status::bad_request, false);
      co_return std::nullopt;
    }
  }
  co_return parser.release();
}

asio::awaitable<bool> session::receive() {
  const asio::mutable_buffer space = input_.space();
  if (space.size() == 0) co_return false;
  std::error_code error;
  input_.commit(
      co_await socket_.async_read_some(space, asio::redirect_error(asio::use_awaitable, error)));
  co_return !error;
}

// Like all that sends here: whether the connection can be used again.
asio::awaitable<bool> session::answer(const request& r) {
  if (r.method() != http::verb::get)
    co_return co_await send_status(http::status::method_not_allowed, r.keep_alive());
  const std::string_view target(r.target().data(), r.target().size());
  const auto path = locate(root_, target);
  if (!path) co_return co_await send_status(http::status::not_found, r.keep_alive());

  std::ifstream file(*path, std::ios::binary);
  if (!file) co_return co_await send_status(http::status::forbidden, r.keep_alive());
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(*path, error);
  if (error) co_return co_await send_status(http::status::not_found, r.keep_alive());

  response head = make_response(http::status::ok, size, r.keep_alive());
  head.set(http::field::content_type, "application/octet-stream");
  co_return co_await send_file(file, size, head);
}

// What the file grows by meanwhile is not sent. If it shrinks, the connection is closed, which
// tells the client that the body is not whole.
asio::awaitable<bool> session::send_file(std::ifstream& file, std::uint64_t size, response& head) {
  const std::string text = serialized_head(head);
  // The head goes out with the first piece: a small file takes one system call and one packet.
  std::array<asio::const_buffer, 2> buffers{asio::buffer(text)};
  std::error_code error;
  std::uint64_t left = size;
  do {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, piece_.size()));
    file.read(piece_.data(), static_cast<std::streamsize>(wanted));
    if (static_cast<std::size_t>(file.gcount()) != wanted) co_return false;
    buffers[1] = asio::buffer(piece_.data(), wanted);
    co_await asio::async_write(socket_, buffers, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return false;
    buffers[0] = {};
    left -= wanted;
  } while (left != 0);
  co_return head.keep_alive();
}

asio::awaitable<bool> session::send_status(http::status status, bool keep_alive) {
  const std::string text = serialized_head(make_response(status, 0, keep_alive));
  std::error_code error;
  co_await asio::async_write(socket_, asio::buffer(text),
                             asio::redirect_error(asio::use_awaitable, error));
  co_return keep_alive && !error;
}

}  // namespace

http_server::http_server(const std::filesystem::path& directory)
    : root_(std::filesystem::canonical(directory)),
      acceptor_(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
      port_(acceptor_.local_endpoint().port()) {
  asio::co_spawn(context_, accept_connections(), asio::detached);
  thread_ = std::thread([this] { context_.run(); });
}

http_server::~http_server() {
  asio::post(context_, [this] { close(); });
  thread_.join();
}

asio::awaitable<void> http_server::accept_connections() {
  while (acceptor_.is_open()) {
    std::error_code error;
    tcp::socket socket =
        co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) continue;
    socket.set_option(tcp::no_delay(true), error);
    const auto connection = connections_.insert(connections_.end(), std::move(socket));
    asio::co_spawn(context_, serve(connection), asio::detached);
  }
}

asio::awaitable<void> http_server::serve(connection_list::iterator connection) {
  session s(*connection, root_);
  co_await s.run();
  connections_.erase(connection);
}

// With nothing left to wait for, every coroutine ends, and with the last one the thread.
void http_server::close() {
  std::error_code ignored;
  acceptor_.close(ignored);
  for (tcp::socket& connection : connections_) connection.close(ignored);
}

}  // namespace download_buffer
