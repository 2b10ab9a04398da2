// SPDX-License-Identifier: BSL-1.0
#include <coramfs/file.hpp>

#include <coramfs/detail/buffer_span.hpp>

#include <utility>

namespace coramfs {

using detail::to_span;

asio::awaitable<result<std::size_t>> file::read(asio::mutable_buffer to) {
  co_return file_.read(to_span(to));
}

asio::awaitable<result<bytes>> file::read_all() { co_return file_.read_all(); }

asio::awaitable<result<std::size_t>> file::write(asio::const_buffer from) {
  co_return file_.write(to_span(from));
}

asio::awaitable<result<std::size_t>> file::write(bytes&& from) {
  co_return file_.write(std::move(from));
}

asio::awaitable<result<std::size_t>> file::read_at(std::uint64_t offset, asio::mutable_buffer to) {
  co_return file_.read_at(offset, to_span(to));
}

asio::awaitable<result<std::size_t>> file::write_at(std::uint64_t offset, asio::const_buffer from) {
  co_return file_.write_at(offset, to_span(from));
}

asio::awaitable<result<std::uint64_t>> file::truncate(std::optional<std::uint64_t> size) {
  co_return file_.truncate(size);
}

}  // namespace coramfs
