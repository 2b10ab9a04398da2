// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/buffer_iterator.hpp>
#include <coramfs/detail/piece_list.hpp>

#include <cstddef>
#include <utility>

namespace coramfs {

/// Room in a file for bytes to come: a MutableBufferSequence, made by `file::prepare`.
///
/// What is put into it becomes part of the file with `file::commit`. Until then its content is
/// unspecified, and the file is unchanged.
///
/// Lifetime: the buffers may be used until the next call of `prepare`, `commit`, a write,
/// `truncate`, `seek` or `close` on the file, and until the file object is destroyed.
///
/// Thread safety: distinct objects may be used at once, also where they are copies of each other.
///
/// Complexity: a copy is a counted reference and never allocates.
///
///     auto room = co_await f.prepare(64 * 1024);
///     if (!room) co_return room.error();
///     auto n = co_await socket.async_read_some(room.value(), asio::use_awaitable);
///     f.commit(n).value();
class prepared {
 public:
  /// What `MutableBufferSequence` asks for.
  /// @{
  using value_type = asio::mutable_buffer;
  using const_iterator = detail::buffer_iterator<asio::mutable_buffer>;
  /// @}

  /// A room of no bytes.
  prepared() noexcept = default;
  /// Used by `file::prepare`, which makes rooms.
  explicit prepared(detail::piece_list list) noexcept : list_(std::move(list)) {}

  /// The runs of bytes that stand together in memory, in their order.
  /// @{
  const_iterator begin() const noexcept { return const_iterator(list_.begin()); }
  const_iterator end() const noexcept { return const_iterator(list_.end()); }
  /// @}
  /// How many bytes there are in all.
  std::size_t size() const noexcept { return static_cast<std::size_t>(list_.size()); }

 private:
  detail::piece_list list_;
};

}  // namespace coramfs
