// SPDX-License-Identifier: BSL-1.0
#include "shared/http_connection.hpp"

#include "shared/http_head.hpp"

#include <coramfs/asio.hpp>

#include <boost/beast/http/parser.hpp>

#include <asio/buffer.hpp>
#include <asio/connect.hpp>
#include <asio/read.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace shared {

namespace {

namespace http = boost::beast::http;
using asio::ip::tcp;
using coramfs::result;

constexpr std::size_t input_size = 64 * 1024;
constexpr std::uint32_t head_limit = 32 * 1024;
// Up to here it is cheaper to receive what nobody wants than to connect anew.
constexpr std::uint64_t discard_limit = 256 * 1024;
// A socket that nobody reads for a while, for its download waits for room, must not be left with a
// window that is smaller than a packet: its sender would go on by timers alone, later and later.
constexpr int receive_buffer = 1024 * 1024;
// Asio itself asks a socket for no more than 64 KiB at a time.
constexpr std::size_t most_at_once = 1024 * 1024;

/// A body that is not kept. The parser shows each piece where it lies in the input, for whoever
/// called it to take before the input moves on.
struct passing_body {
  using value_type = std::string_view;

  class reader {
   public:
    template <bool IsRequest, class Fields>
    reader(http::header<IsRequest, Fields>&, value_type& piece) : piece_(piece) {}

    void init(const boost::optional<std::uint64_t>&, boost::beast::error_code& error) {
      error = {};
    }
    template <class ConstBufferSequence>
    std::size_t put(const ConstBufferSequence& buffers, boost::beast::error_code& error) {
      error = {};
      // A parser passes one buffer at a time.
      const boost::asio::const_buffer first = *boost::asio::buffer_sequence_begin(buffers);
      piece_ = {static_cast<const char*>(first.data()), first.size()};
      return first.size();
    }
    void finish(boost::beast::error_code& error) { error = {}; }

   private:
    value_type& piece_;
  };
};

/// Notes since when an operation waits for the other side, as long as it does.
class stall_watch {
 public:
  explicit stall_watch(http_connection::clock::time_point& since) : since_(since) {
    since_ = http_connection::clock::now();
  }
  stall_watch(const stall_watch&) = delete;
  stall_watch& operator=(const stall_watch&) = delete;
  ~stall_watch() { since_ = http_connection::clock::time_point::max(); }

 private:
  http_connection::clock::time_point& since_;
};

/// Makes the buffers begin behind their first `n` bytes.
void pass(std::vector<asio::mutable_buffer>& buffers, std::size_t n) {
  for (asio::mutable_buffer& piece : buffers) {
    const std::size_t passed = std::min(n, piece.size());
    n -= passed;
    piece += passed;
  }
}

http::request<http::empty_body> make_request(const url& from) {
  http::request<http::empty_body> head(http::verb::get, from.target, 11);
  head.set(http::field::host, authority(from));
  head.set(http::field::user_agent, "coramfs-examples");
  head.set(http::field::accept, "*/*");
  head.set(http::field::accept_encoding, "identity");
  return head;
}

}  // namespace

class http_connection::response_parser : public http::response_parser<passing_body> {
 public:
  response_parser() {
    header_limit(head_limit);
    body_limit(boost::none);  // the volume's quota is the limit
    eager(false);             // one piece a call: `passing_body` holds one
  }
};

http_connection::http_connection(const asio::any_io_executor& executor)
    : resolver_(executor), socket_(executor), input_(input_size) {}

http_connection::~http_connection() = default;

asio::awaitable<result<http_status>> http_connection::get(const url& from) {
  if (is_connected_to(from)) {
    auto status = co_await exchange(from);
    // A server may close an idle connection at any time, also while a request is under way.
    const bool was_idle_too_long = !response_began_ && !aborted_ && !stalled_;
    if (status || !was_idle_too_long) co_return status;
  }
  BOOST_OUTCOME_CO_TRYV(co_await connect(from));
  co_return co_await exchange(from);
}

// Past the parser, which can take bytes only from where they lie, and would have them copied from
// there. Of a body whose length is known it has nothing more to say than its head did. Chunks do
// take the parser, and a copy with it: what is between them is no part of the body.
asio::awaitable<result<void>> http_connection::read_body(std::vector<asio::mutable_buffer> room,
                                                         std::uint64_t& received) {
  const std::string_view unread = input_.unread();
  const std::size_t came_with_head = asio::buffer_copy(room, asio::buffer(unread));
  input_.consume(came_with_head);
  received += came_with_head;
  *body_left_ -= asio::buffer_size(room);
  pass(room, came_with_head);
  if (asio::buffer_size(room) != 0) {
    BOOST_OUTCOME_CO_TRYV(co_await fill(std::move(room), received));
  }
  if (*body_left_ == 0) finish_response();
  co_return boost::outcome_v2::success();
}

asio::awaitable<result<std::string_view>> http_connection::read_some_body() {
  std::string_view& piece = parser_->get().body();
  piece = {};
  while (piece.empty() && !parser_->is_done()) {
    BOOST_OUTCOME_CO_TRYV(co_await parse_some());
  }
  if (piece.empty()) finish_response();
  co_return piece;
}

asio::awaitable<void> http_connection::discard_body() {
  if (!body_left_ || *body_left_ > discard_limit) {
    close();
    co_return;
  }
  for (;;) {
    const auto n = std::min<std::uint64_t>(*body_left_, input_.unread().size());
    input_.consume(static_cast<std::size_t>(n));
    *body_left_ -= n;
    if (*body_left_ == 0) break;
    if (!co_await receive()) co_return;
  }
  finish_response();
}

void http_connection::abort() {
  aborted_ = true;
  resolver_.cancel();
  close();
}

void http_connection::abort_if_stalled(clock::duration longest) {
  if (waiting_since_ == clock::time_point::max() || clock::now() - waiting_since_ < longest) return;
  stalled_ = true;
  resolver_.cancel();
  close();
}

bool http_connection::is_connected_to(const url& server) const {
  return socket_.is_open() && server_.host == server.host && server_.port == server.port;
}

asio::awaitable<result<void>> http_connection::connect(const url& server) {
  close();
  stalled_ = false;
  const stall_watch watch(waiting_since_);
  coramfs::asio_error_code error;
  const auto endpoints = co_await resolver_.async_resolve(
      server.host, server.port, asio::redirect_error(asio::use_awaitable, error));
  if (error || aborted_ || stalled_) co_return cause(error);
  co_await asio::async_connect(socket_, endpoints,
                               asio::redirect_error(asio::use_awaitable, error));
  if (error || aborted_ || stalled_) co_return cause(error);
  socket_.set_option(tcp::no_delay(true), error);
  socket_.set_option(asio::socket_base::receive_buffer_size(receive_buffer), error);
  server_ = server;
  co_return boost::outcome_v2::success();
}

asio::awaitable<result<http_status>> http_connection::exchange(const url& from) {
  input_.clear();
  response_began_ = false;
  BOOST_OUTCOME_CO_TRYV(co_await send_request(from));
  for (;;) {
    auto status = co_await receive_head();
    const bool is_interim = status && status.value().code / 100 == 1;
    if (is_interim) continue;
    if (status && body_left_ == 0) finish_response();
    co_return status;
  }
}

asio::awaitable<result<void>> http_connection::send_request(const url& from) {
  const std::string text = serialized_head(make_request(from));
  const stall_watch watch(waiting_since_);
  coramfs::asio_error_code error;
  co_await asio::async_write(socket_, asio::buffer(text),
                             asio::redirect_error(asio::use_awaitable, error));
  if (error) {
    close();
    co_return cause(error);
  }
  co_return boost::outcome_v2::success();
}

asio::awaitable<result<http_status>> http_connection::receive_head() {
  parser_ = std::make_unique<response_parser>();
  while (!parser_->is_header_done()) {
    BOOST_OUTCOME_CO_TRYV(co_await parse_some());
  }
  const auto& head = parser_->get();
  body_left_.reset();
  if (const auto length = parser_->content_length_remaining()) body_left_ = *length;
  co_return http_status{head.result_int(), std::string(head.reason())};
}

// Parses one step further, with what is in the input if that is enough.
asio::awaitable<result<void>> http_connection::parse_some() {
  if (input_.empty()) {
    BOOST_OUTCOME_CO_TRYV(co_await receive());
    if (parser_->is_done()) co_return boost::outcome_v2::success();
  }
  const std::string_view unread = input_.unread();
  boost::beast::error_code error;
  input_.consume(parser_->put({unread.data(), unread.size()}, error));
  if (error == http::error::need_more) co_return co_await receive();
  if (error) {
    close();
    co_return std::error_code(error);
  }
  co_return boost::outcome_v2::success();
}

// More input; or the end of a body that lasts as long as the connection.
asio::awaitable<result<void>> http_connection::receive() {
  const asio::mutable_buffer space = input_.space();
  if (space.size() == 0) {
    close();
    co_return std::make_error_code(std::errc::message_size);
  }
  const stall_watch watch(waiting_since_);
  coramfs::asio_error_code error;
  input_.commit(
      co_await socket_.async_read_some(space, asio::redirect_error(asio::use_awaitable, error)));
  if (!error) {
    response_began_ = true;
    co_return boost::outcome_v2::success();
  }
  close();
  if (error == asio::error::eof && parser_->got_some()) {
    boost::beast::error_code incomplete;
    parser_->put_eof(incomplete);
    if (!incomplete) co_return boost::outcome_v2::success();
    error = incomplete;
  }
  co_return cause(error);
}

asio::awaitable<result<void>> http_connection::fill(std::vector<asio::mutable_buffer> room,
                                                    std::uint64_t& received) {
  const stall_watch watch(waiting_since_);
  std::size_t seen = 0;
  const auto note = [&](std::size_t total) {
    received += total - seen;
    seen = total;
  };
  // Called before each read: who watches this connection sees that it moves.
  const auto next_size = [&](const coramfs::asio_error_code& error, std::size_t total) {
    note(total);
    waiting_since_ = clock::now();
    return error ? std::size_t{0} : most_at_once;
  };
  coramfs::asio_error_code error;
  note(co_await asio::async_read(socket_, room, next_size,
                                 asio::redirect_error(asio::use_awaitable, error)));
  if (!error) co_return boost::outcome_v2::success();
  close();
  if (error == asio::error::eof) error = http::make_error_code(http::error::partial_message);
  co_return cause(error);
}

// Whatever came behind the response is nothing that was asked for.
void http_connection::finish_response() {
  if (!parser_->keep_alive() || !input_.empty()) close();
}

void http_connection::close() {
  coramfs::asio_error_code ignored;
  socket_.close(ignored);
  input_.clear();
}

// Who closed the socket, where it was not the other side.
std::error_code http_connection::cause(std::error_code seen) const {
  if (aborted_) return std::make_error_code(std::errc::operation_canceled);
  if (stalled_) return std::make_error_code(std::errc::timed_out);
  return seen;
}

}  // namespace shared
