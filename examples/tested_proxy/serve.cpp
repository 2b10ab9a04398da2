// SPDX-License-Identifier: BSL-1.0
#include "serve.hpp"

#include "proxy.hpp"
#include "shared/url.hpp"

#include <asio/co_spawn.hpp>
#include <asio/connect.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <csignal>
#include <exception>
#include <iostream>

namespace tested_proxy {

namespace {

using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;
using served_proxy = proxy<tcp::socket, asio::steady_timer>;

void rethrow(const std::exception_ptr& thrown) {
  if (thrown) std::rethrow_exception(thrown);
}

awaitable<tcp::socket> connect_to(const shared::url& server) {
  const auto executor = co_await asio::this_coro::executor;
  tcp::resolver names(executor);
  const auto found = co_await names.async_resolve(server.host, server.port, use_awaitable);
  tcp::socket s(executor);
  co_await asio::async_connect(s, found, use_awaitable);
  co_return s;
}

awaitable<void> answer_all(tcp::acceptor& listener, served_proxy& by) {
  (co_await by.prepare()).value();
  for (;;) {
    tcp::socket client = co_await listener.async_accept(use_awaitable);
    asio::co_spawn(listener.get_executor(), by.serve(std::move(client)), asio::detached);
  }
}

}  // namespace

void serve(const std::string& origin, std::uint16_t port) {
  const shared::url server = shared::parse_url(origin);
  asio::io_context context(1);
  served_proxy by(
      coramfs::file_system::create(context.get_executor()).value(),
      [&] { return connect_to(server); }, std::chrono::seconds(30));
  tcp::acceptor listener(context, {asio::ip::address_v4::loopback(), port});
  asio::signal_set ended(context, SIGINT, SIGTERM);
  ended.async_wait([&](const auto&, int) { context.stop(); });
  std::cout << "http://127.0.0.1:" << listener.local_endpoint().port() << std::endl;
  asio::co_spawn(context, answer_all(listener, by), rethrow);
  context.run();
}

}  // namespace tested_proxy
