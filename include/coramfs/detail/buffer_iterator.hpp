// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/piece_list.hpp>

#include <cstddef>
#include <iterator>

namespace coramfs::detail {

/// Walks over the runs of a list as over Asio's buffers, while a copy of the list lives.
template <class Buffer>
class buffer_iterator {
 public:
  using iterator_category = std::bidirectional_iterator_tag;
  using value_type = Buffer;
  using difference_type = std::ptrdiff_t;
  using pointer = const Buffer*;
  using reference = Buffer;

  buffer_iterator() noexcept = default;
  explicit buffer_iterator(piece_list::position at) noexcept : at_(at) {}

  Buffer operator*() const noexcept { return Buffer(at_.data(), at_.size()); }
  /// Whether these are zeros of a hole, which nobody has written and which take no memory.
  bool is_hole() const noexcept { return at_.is_hole(); }
  buffer_iterator& operator++() noexcept {
    at_.advance();
    return *this;
  }
  buffer_iterator operator++(int) noexcept {
    const buffer_iterator before = *this;
    at_.advance();
    return before;
  }
  buffer_iterator& operator--() noexcept {
    at_.retreat();
    return *this;
  }
  buffer_iterator operator--(int) noexcept {
    const buffer_iterator before = *this;
    at_.retreat();
    return before;
  }
  friend bool operator==(const buffer_iterator&, const buffer_iterator&) noexcept = default;

 private:
  piece_list::position at_;
};

}  // namespace coramfs::detail
