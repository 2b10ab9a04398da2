// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/piece_list.hpp>

#include <asio/buffer.hpp>

#include <cstddef>
#include <iterator>
#include <utility>

namespace coramfs {

/// Bytes of a file as they were when they were pinned: a ConstBufferSequence without a copy.
///
/// A pin does not hold the file: the file may be written to, cut, closed and removed. A writer
/// that would change pinned bytes copies their block first. A pin keeps its volume alive.
/// With `accounting::memory` the blocks stay charged until their last pin goes.
///
/// Thread safety: distinct objects, safe, also where they are copies of each other; a pin may
/// go to any thread.
///
/// Lifetime: buffers and iterators are valid while a copy of the pin lives.
///
/// Complexity: a copy is a counted reference and never allocates.
///
///     auto p = f.pin(0, 1 << 20).value();
///     co_await asio::async_write(socket, p, asio::use_awaitable);
class pinned {
 public:
  using value_type = asio::const_buffer;
  class const_iterator;

  /// No bytes.
  pinned() noexcept = default;
  /// What `file::pin` makes.
  explicit pinned(detail::piece_list list) noexcept : list_(std::move(list)) {}

  const_iterator begin() const noexcept;
  const_iterator end() const noexcept;
  /// Bytes in all.
  std::size_t size() const noexcept { return static_cast<std::size_t>(list_.size()); }

 private:
  detail::piece_list list_;
};

class pinned::const_iterator {
 public:
  using iterator_category = std::bidirectional_iterator_tag;
  using value_type = asio::const_buffer;
  using difference_type = std::ptrdiff_t;
  using pointer = const value_type*;
  using reference = value_type;

  const_iterator() noexcept = default;

  value_type operator*() const noexcept { return {at_.data(), at_.size()}; }
  const_iterator& operator++() noexcept {
    at_.advance();
    return *this;
  }
  const_iterator operator++(int) noexcept {
    const const_iterator before = *this;
    at_.advance();
    return before;
  }
  const_iterator& operator--() noexcept {
    at_.retreat();
    return *this;
  }
  const_iterator operator--(int) noexcept {
    const const_iterator before = *this;
    at_.retreat();
    return before;
  }
  friend bool operator==(const const_iterator&, const const_iterator&) noexcept = default;

 private:
  friend class pinned;
  explicit const_iterator(detail::piece_list::position at) noexcept : at_(at) {}

  detail::piece_list::position at_;
};

inline pinned::const_iterator pinned::begin() const noexcept {
  return const_iterator(list_.begin());
}
inline pinned::const_iterator pinned::end() const noexcept { return const_iterator(list_.end()); }

}  // namespace coramfs
