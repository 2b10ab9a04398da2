// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include <cstdint>
#include <filesystem>
#include <list>
#include <thread>

namespace download_buffer {

/// Serves the regular files below a directory on the loopback interface, from construction to
/// destruction: GET over keep-alive connections.
///
/// It stands for a host far away, so it has a thread of its own, on which it reads files with
/// blocking calls. Symbolic links are not followed, and nothing outside the directory is served.
class http_server {
 public:
  /// Throws `std::system_error` if the directory can not be resolved or no port can be had.
  explicit http_server(const std::filesystem::path& directory);
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;
  /// Closes all connections, also in the middle of a response.
  ~http_server();

  std::uint16_t port() const { return port_; }

 private:
  using connection_list = std::list<asio::ip::tcp::socket>;

  asio::awaitable<void> accept_connections();
  asio::awaitable<void> serve(connection_list::iterator connection);
  void close();

  asio::io_context context_{1};
  const std::filesystem::path root_;
  asio::ip::tcp::acceptor acceptor_;
  const std::uint16_t port_;
  connection_list connections_;  // guarded by being used on the thread only
  std::thread thread_;
};

}  // namespace download_buffer
