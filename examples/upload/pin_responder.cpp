// SPDX-License-Identifier: BSL-1.0
#include "pin_responder.hpp"

#include "catalogue.hpp"
#include "shared/http_head.hpp"
#include "shared/url.hpp"

#include <asio/buffer.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace upload {

namespace {

namespace http = boost::beast::http;
using asio::ip::tcp;

/// A completion condition. `asio::transfer_all` passes no more than 64 KiB to the system at a time;
/// in pieces of this size a large file takes a fraction of the calls.
std::size_t in_large_pieces(const std::error_code& error, std::size_t /*sent*/) {
  constexpr std::size_t piece_size = 1024 * 1024;
  return error ? 0 : piece_size;
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
                             shared::bounded_queue<std::string>& pinned_paths)
    : files_(std::move(files)), pinned_paths_(pinned_paths) {}

asio::awaitable<bool> pin_responder::answer(tcp::socket& to, const shared::http_request& r) {
  const auto name = shared::percent_decode(std::string_view(r.target().data(), r.target().size()));
  if (!name) co_return co_await shared::send_status(to, http::status::bad_request, r.keep_alive());
  const std::string path = served_root + *name;
  const auto body = co_await pin(path);
  if (!body) co_return co_await shared::send_status(to, http::status::not_found, r.keep_alive());

  const std::uint64_t as_pinned = co_await generation(path);
  const counted now(pinned_bytes_, body.value().size());
  peak_pinned_bytes_ = std::max(peak_pinned_bytes_, pinned_bytes_);
  co_await pinned_paths_.push(path);
  const bool is_usable = co_await send(to, body.value(), r.keep_alive());
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
                                          bool keep_alive) {
  auto head = shared::make_response(http::status::ok, body.size(), keep_alive);
  head.set(http::field::content_type, "application/octet-stream");
  const std::string text = shared::serialized_head(head);
  // The head and the pin as one sequence: a small file takes one system call and one packet.
  std::vector<asio::const_buffer> buffers{asio::buffer(text)};
  buffers.insert(buffers.end(), body.begin(), body.end());
  std::error_code error;
  co_await asio::async_write(to, buffers, in_large_pieces,
                             asio::redirect_error(asio::use_awaitable, error));
  co_return keep_alive && !error;
}

}  // namespace upload
