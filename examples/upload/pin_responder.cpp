// SPDX-License-Identifier: BSL-1.0
#include "pin_responder.hpp"

#include "catalogue.hpp"
#include "shared/http_head.hpp"
#include "shared/url.hpp"

#include <coramfs/asio.hpp>

#include <asio/buffer.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace upload {

namespace {

namespace http = boost::beast::http;
using asio::ip::tcp;

/// A completion condition: so many bytes, in large pieces. Asio's own conditions pass no more than
/// 64 KiB to the system at a time, and a large file takes a multiple of the calls then.
class exactly {
 public:
  explicit exactly(std::size_t n) : n_(n) {}

  std::size_t operator()(const coramfs::asio_error_code& error, std::size_t sent) const {
    constexpr std::size_t most_at_once = 1024 * 1024;
    return error ? 0 : std::min(n_ - sent, most_at_once);
  }

 private:
  std::size_t n_;
};

asio::awaitable<bool> send_first(std::size_t n, std::vector<asio::const_buffer>& of,
                                 tcp::socket& to) {
  coramfs::asio_error_code error;
  const exactly condition(n);
  std::size_t sent = co_await asio::async_write(to, of, condition,
                                                asio::redirect_error(asio::use_awaitable, error));
  for (asio::const_buffer& piece : of) {
    const std::size_t passed = std::min(sent, piece.size());
    sent -= passed;
    piece += passed;
  }
  co_return !error;
}

/// Adds to a sum as long as it lives.
class counted {
 public:
  counted(std::uint64_t& sum, std::uint64_t n) : sum_(sum), n_(n) { sum_ += n_; }
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;
  ~counted() { sum_ -= n_; }

 private:
  std::uint64_t& sum_;
  const std::uint64_t n_;
};

}  // namespace

pin_responder::pin_responder(coramfs::file_system files,
                             shared::bounded_queue<rewriting*>& to_rewrite)
    : files_(std::move(files)), to_rewrite_(to_rewrite) {}

asio::awaitable<bool> pin_responder::answer(tcp::socket& to, const shared::http_request& r) {
  const auto name = shared::percent_decode(std::string_view(r.target().data(), r.target().size()));
  if (!name) co_return co_await shared::send_status(to, http::status::bad_request, r.keep_alive());
  const std::string path = served_root + *name;
  const auto body = co_await pin(path);
  if (!body) co_return co_await shared::send_status(to, http::status::not_found, r.keep_alive());

  const std::uint64_t as_pinned = co_await generation(path);
  const counted now(pinned_bytes_, body.value().size());
  peak_pinned_bytes_ = std::max(peak_pinned_bytes_, pinned_bytes_);
  const bool is_usable = co_await send(to, body.value(), path, r.keep_alive());
  if (co_await generation(path) != as_pinned) ++changed_meanwhile_;
  co_return is_usable;
}

asio::awaitable<std::uint64_t> pin_responder::generation(const std::string& path) {
  const auto status = co_await files_.stat(path);
  co_return status ? status.value().generation : 0;
}

// With the end of this the file is closed, and the pin stays.
asio::awaitable<coramfs::result<coramfs::pinned>> pin_responder::pin(const std::string& path) {
  BOOST_OUTCOME_CO_TRY(auto file, co_await files_.open(path, coramfs::open_mode::read));
  BOOST_OUTCOME_CO_TRY(const auto size, file.size());
  co_return file.pin(0, static_cast<std::size_t>(size));
}

asio::awaitable<bool> pin_responder::send(tcp::socket& to, const coramfs::pinned& body,
                                          const std::string& path, bool keep_alive) {
  auto head = shared::make_response(http::status::ok, body.size(), keep_alive);
  head.set(http::field::content_type, "application/octet-stream");
  const std::string text = shared::serialized_head(head);
  // The head and the pin as one sequence, so that they go out together.
  std::vector<asio::const_buffer> buffers{asio::buffer(text)};
  buffers.insert(buffers.end(), body.begin(), body.end());

  if (!co_await send_first(text.size() + body.size() / 2, buffers, to)) co_return false;
  rewriting request(files_.get_executor(), path);
  co_await to_rewrite_.push(&request);
  co_await request.wait();
  const bool is_whole = co_await send_first(asio::buffer_size(buffers), buffers, to);
  const bool goes_on = is_whole && keep_alive;
  co_return goes_on;
}

}  // namespace upload
