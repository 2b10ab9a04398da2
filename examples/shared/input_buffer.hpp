// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <asio/buffer.hpp>

#include <cstddef>
#include <cstring>
#include <string_view>
#include <vector>

namespace shared {

/// What has come from a socket and has not been parsed yet. Its size is fixed: however long a
/// message is, no more than this of it is held.
class input_buffer {
 public:
  explicit input_buffer(std::size_t capacity) : storage_(capacity) {}

  std::string_view unread() const { return {storage_.data() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }

  /// The bytes stay where they are until the next call of `space`.
  void consume(std::size_t n) { begin_ += n; }
  void clear() { begin_ = end_ = 0; }

  /// Where the socket may write to: behind what is unread. Empty if that fills the buffer.
  asio::mutable_buffer space() {
    if (begin_ != 0) {
      std::memmove(storage_.data(), storage_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    return asio::buffer(storage_.data() + end_, storage_.size() - end_);
  }
  void commit(std::size_t n) { end_ += n; }

 private:
  std::vector<char> storage_;
  std::size_t begin_ = 0, end_ = 0;
};

}  // namespace shared
