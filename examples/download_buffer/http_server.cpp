// SPDX-License-Identifier: BSL-1.0
#include "http_server.hpp"

#include "shared/http_head.hpp"
#include "shared/url.hpp"

#include <coramfs/asio.hpp>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
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
using shared::http_request;

constexpr std::size_t piece_size = 64 * 1024;

// The file that a target names. Nothing unless it is a regular file that is reached from the
// root without "..", symbolic links and the like.
std::optional<std::filesystem::path> locate(const std::filesystem::path& root,
                                            std::string_view target) {
  const auto decoded = shared::percent_decode(target.substr(0, target.find('?')));
  if (!decoded || !decoded->starts_with('/') || decoded->find('\0') != std::string::npos)
    return std::nullopt;
  std::filesystem::path path = root / decoded->substr(1);
  std::error_code error;
  if (std::filesystem::canonical(path, error) != path || error) return std::nullopt;
  if (!std::filesystem::is_regular_file(path, error)) return std::nullopt;
  return path;
}

}  // namespace

asio::awaitable<bool> file_responder::answer(tcp::socket& to, const http_request& r) {
  const std::string_view target(r.target().data(), r.target().size());
  const auto path = locate(root_, target);
  if (!path) co_return co_await shared::send_status(to, http::status::not_found, r.keep_alive());

  std::ifstream file(*path, std::ios::binary);
  if (!file) co_return co_await shared::send_status(to, http::status::forbidden, r.keep_alive());
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(*path, error);
  if (error) co_return co_await shared::send_status(to, http::status::not_found, r.keep_alive());

  shared::http_response head = shared::make_response(http::status::ok, size, r.keep_alive());
  head.set(http::field::content_type, "application/octet-stream");
  co_return co_await send_file(to, file, size, head);
}

// What the file grows by meanwhile is not sent. If it shrinks, the connection is closed, which
// tells the client that the body is not whole.
asio::awaitable<bool> file_responder::send_file(tcp::socket& to, std::ifstream& file,
                                                std::uint64_t size, shared::http_response& head) {
  const std::string text = shared::serialized_head(head);
  std::vector<char> piece(piece_size);
  // The head goes out with the first piece: a small file takes one system call and one packet.
  std::array<asio::const_buffer, 2> buffers{asio::buffer(text)};
  coramfs::asio_error_code error;
  std::uint64_t left = size;
  do {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, piece.size()));
    file.read(piece.data(), static_cast<std::streamsize>(wanted));
    if (static_cast<std::size_t>(file.gcount()) != wanted) co_return false;
    buffers[1] = asio::buffer(piece.data(), wanted);
    co_await asio::async_write(to, buffers, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return false;
    buffers[0] = {};
    left -= wanted;
  } while (left != 0);
  co_return head.keep_alive();
}

http_server::http_server(const std::filesystem::path& directory)
    : responder_(std::filesystem::canonical(directory)),
      listener_(context_.get_executor(), responder_) {
  asio::co_spawn(context_, listener_.run(), asio::detached);
  thread_ = std::thread([this] { context_.run(); });
}

// With the last coroutine the thread ends.
http_server::~http_server() {
  asio::post(context_, [this] { listener_.close(); });
  thread_.join();
}

}  // namespace download_buffer
