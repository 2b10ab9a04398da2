// SPDX-License-Identifier: BSL-1.0
#include "consumer.hpp"

#include <asio/buffer.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <cstddef>
#include <utility>
#include <vector>

namespace guarded_stream {

namespace {

constexpr std::size_t piece_size = 64 * 1024;

}  // namespace

consumer::consumer(coramfs::file_system files, window& segments)
    : files_(std::move(files)), segments_(segments) {}

asio::awaitable<coramfs::result<void>> consumer::run() {
  for (;;) {
    const std::optional<std::string> segment = co_await segments_.next();
    if (!segment) co_return boost::outcome_v2::success();
    BOOST_OUTCOME_CO_TRY(co_await read_through(*segment));
    BOOST_OUTCOME_CO_TRY(co_await files_.remove(*segment));
    segments_.finish_one();
  }
}

// Lets the producer in between two pieces: a read from the volume does not suspend.
asio::awaitable<coramfs::result<void>> consumer::read_through(std::string segment) {
  std::vector<char> piece(piece_size);
  BOOST_OUTCOME_CO_TRY(auto file, co_await files_.open(segment, coramfs::open_mode::read));
  for (;;) {
    BOOST_OUTCOME_CO_TRY(const std::size_t n, co_await file.read(asio::buffer(piece)));
    if (n == 0) co_return file.close();
    seen_.add(piece.data(), n);
    co_await asio::post(file.get_executor(), asio::use_awaitable);
  }
}

}  // namespace guarded_stream
