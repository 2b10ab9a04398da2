// SPDX-License-Identifier: BSL-1.0
// Files of a volume with Boost.Beast, as a program of Boost's has it: HTTP between real sockets,
// out of one file and into another, and to and from a file as a stream.
#include <coramfs/file_system.hpp>
#include <coramfs/sync/file_system.hpp>

#include "api/coroutines.hpp"
#include "support/catch.hpp"
#include "support/describe.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace coramfs::tests {

namespace {

namespace http = boost::beast::http;
using boost::asio::redirect_error;
using boost::asio::use_awaitable;
using boost::asio::ip::tcp;
using boost::system::error_code;

/// A body that stands in a file: what is sent is pinned there, and what comes is written there.
struct file_body {
  /// The file, at the place where the body begins. It must outlive the message.
  using value_type = file*;

  static std::uint64_t size(const value_type& body) {
    return body->size().value() - body->tell().value();
  }

  class writer {
   public:
    using const_buffers_type = pinned;

    template <bool IsRequest, class Fields>
    writer(const http::header<IsRequest, Fields>&, const value_type& body) : body_(*body) {}

    void init(error_code& ec) { ec = {}; }
    boost::optional<std::pair<pinned, bool>> get(error_code& ec) {
      const auto all = body_.pin(body_.tell().value(), body_.size().value());
      ec = all ? error_code() : error_code(all.error().code());
      if (!all) return {};
      return std::pair(all.value(), false);
    }

   private:
    file& body_;
  };

  class reader {
   public:
    template <bool IsRequest, class Fields>
    reader(http::header<IsRequest, Fields>&, value_type& body) : body_(body) {}

    void init(const boost::optional<std::uint64_t>&, error_code& ec) { ec = {}; }
    template <class ConstBufferSequence>
    std::size_t put(const ConstBufferSequence& from, error_code& ec) {
      return body_->write_some(from, ec);
    }
    void finish(error_code& ec) { ec = {}; }

   private:
    value_type& body_;  // which a parser is given when its reader is there
  };
};
static_assert(http::is_body_writer<file_body>::value && http::is_body_reader<file_body>::value);

/// A server over one volume, and a client with another, which has room for `quota` bytes.
struct download {
  boost::asio::io_context context;
  tcp::acceptor acceptor{context, {boost::asio::ip::address_v4::loopback(), 0}};
  file_system served = file_system::create(context).value();
  file_system kept;
  std::string target = "/none";
  std::optional<error_code> ended;

  explicit download(std::uint64_t quota)
      : kept(file_system::create(context, options_of(quota)).value()) {}

  static volume_options options_of(std::uint64_t quota) {
    volume_options options;
    options.max_quota = quota;
    options.accounting = accounting::payload;
    return options;
  }

  /// Answers one request with the file that it names.
  boost::asio::awaitable<void> serve() {
    tcp::socket peer = co_await acceptor.async_accept(use_awaitable);
    boost::beast::flat_buffer buffer;
    http::request<http::empty_body> request;
    co_await http::async_read(peer, buffer, request, use_awaitable);
    auto content = co_await served.open(std::string(request.target()), open_mode::read);
    http::response<file_body> response(http::status::ok, request.version(), &content.value());
    response.prepare_payload();
    // A client that has no room for all of it hangs up.
    error_code ignored;
    co_await http::async_write(peer, response, redirect_error(use_awaitable, ignored));
  }

  /// Stores `path` of the server as `path` here.
  boost::asio::awaitable<void> fetch(std::string path) {
    tcp::socket peer(context);
    co_await peer.async_connect(acceptor.local_endpoint(), use_awaitable);
    http::request<http::empty_body> request(http::verb::get, path, 11);
    request.set(http::field::host, "127.0.0.1");
    co_await http::async_write(peer, request, use_awaitable);

    auto into = co_await kept.open(path, open_mode::create);
    boost::beast::flat_buffer buffer;
    http::response_parser<file_body> parser;
    parser.body_limit(boost::none);
    parser.get().body() = &into.value();
    ended.emplace();
    co_await http::async_read(peer, buffer, parser, redirect_error(use_awaitable, *ended));
  }

  void run(const std::string& path) {
    spawn(context, [this] { return serve(); });
    spawn(context, [this, path] { return fetch(path); });
    context.run();
  }

  sync::file_system there{served.get_volume()};
  sync::file_system here{kept.get_volume()};
};

std::string many_lines(std::size_t size) {
  std::string text;
  while (text.size() < size) text += "line " + std::to_string(text.size()) + "\n";
  return text;
}

}  // namespace

TEST_CASE("beast: a file is downloaded from one volume into another", "[boost][http]") {
  const std::size_t size = GENERATE(as<std::size_t>{}, 0, 1, 5'000'000);
  download d(64 << 20);
  const std::string text = many_lines(size);
  d.there.write_file("/a.txt", text).value();
  d.run("/a.txt");
  REQUIRE(d.ended);
  CHECK(*d.ended == error_code());
  CHECK(d.here.read_text("/a.txt").value() == text);
  CHECK(d.kept.get_volume().stats().open_handles == 0);
  CHECK(d.served.get_volume().stats().open_handles == 0);
}

TEST_CASE("beast: a download ends with the error of the file that it goes into",
          "[boost][http][quota]") {
  download d(1'000'000);
  const std::string text = many_lines(5'000'000);
  d.there.write_file("/a.txt", text).value();
  d.run("/a.txt");
  REQUIRE(d.ended);
  CHECK(*d.ended == errc::quota_exceeded);
  CHECK(*d.ended != errc::memory_guard);
  CHECK(*d.ended == std::errc::no_space_on_device);
  CHECK(error(*d.ended) == errc::quota_exceeded);
  const std::string come = d.here.read_text("/a.txt").value();
  CHECK((!come.empty() && come.size() <= 1'000'000));
  CHECK(come == text.substr(0, come.size()));
}

TEST_CASE("beast: a message is written to a file and read from it, as from a socket",
          "[boost][http][stream]") {
  boost::asio::io_context context;
  auto fs = file_system::create(context).value();
  std::string body;
  error_code at_end;
  spawn(context, [&]() -> boost::asio::awaitable<void> {
    auto f = (co_await fs.open("/message", open_mode::write_read)).value();
    http::response<http::string_body> sent(http::status::ok, 11, many_lines(3'000'000));
    sent.prepare_payload();
    co_await http::async_write(f, sent, use_awaitable);
    f.seek(0).value();

    boost::beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(boost::none);
    co_await http::async_read(f, buffer, parser, use_awaitable);
    body = parser.release().body();

    http::response<http::string_body> another;
    co_await http::async_read(f, buffer, another, redirect_error(use_awaitable, at_end));
  });
  context.run();
  CHECK(body == many_lines(3'000'000));
  CHECK(at_end == http::error::end_of_stream);
}

}  // namespace coramfs::tests
