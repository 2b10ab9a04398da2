// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/buffer_iterator.hpp>
#include <coramfs/detail/piece_list.hpp>

#include <cstddef>
#include <utility>

namespace coramfs {

/// Bytes of a file as they were when they were pinned: a ConstBufferSequence without a copy.
///
/// A pin does not hold the file: the file may be written to, cut, closed and removed. A writer
/// that would change pinned bytes copies their block first. With `accounting::memory` the blocks
/// stay charged until their last pin goes.
///
/// Thread safety: distinct objects may be used at once, also where they are copies of each other,
/// and a pin may go to any thread.
///
/// Lifetime: buffers and iterators are valid while a copy of the pin lives. A pin keeps its volume
/// alive, beyond the file and the file system that it came from.
///
/// Complexity: a copy is a counted reference and never allocates.
///
///     auto p = f.pin(0, 1 << 20).value();
///     co_await asio::async_write(socket, p, asio::use_awaitable);
class pinned {
 public:
  /// What `ConstBufferSequence` asks for.
  /// @{
  using value_type = asio::const_buffer;
  using const_iterator = detail::buffer_iterator<asio::const_buffer>;
  /// @}

  /// A pin of no bytes.
  pinned() noexcept = default;
  /// Used by `file::pin`, which makes pins.
  explicit pinned(detail::piece_list list) noexcept : list_(std::move(list)) {}

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
