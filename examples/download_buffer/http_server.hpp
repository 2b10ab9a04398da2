// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "shared/http_listener.hpp"

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>

namespace download_buffer {

/// Answers with the regular files below a directory, which it reads with blocking calls.
class file_responder final : public shared::http_responder {
 public:
  explicit file_responder(std::filesystem::path root) : root_(std::move(root)) {}

  asio::awaitable<bool> answer(asio::ip::tcp::socket& to,
                               const shared::http_request& request) override;

 private:
  static asio::awaitable<bool> send_file(asio::ip::tcp::socket& to, std::ifstream& file,
                                         std::uint64_t size, shared::http_response& head);

  const std::filesystem::path root_;
};

/// Serves the regular files below a directory on the loopback interface, from construction to
/// destruction: GET over keep-alive connections.
///
/// It stands for a host far away, so it has a thread of its own. Symbolic links are not followed,
/// and nothing outside the directory is served.
class http_server {
 public:
  /// Throws `std::system_error` if the directory can not be resolved or no port can be had.
  explicit http_server(const std::filesystem::path& directory);
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;
  /// Closes all connections, also in the middle of a response.
  ~http_server();

  std::uint16_t port() const { return listener_.port(); }

 private:
  asio::io_context context_{1};
  file_responder responder_;
  shared::http_listener listener_;  // guarded by being used on the thread only
  std::thread thread_;
};

}  // namespace download_buffer
