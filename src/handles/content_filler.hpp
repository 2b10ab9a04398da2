// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "core/pace.hpp"
#include "storage/storage.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace coramfs::detail {

/// Bytes of a caller's, or zeros, on their way into room that was made for them, slice by slice.
///
/// If it is destroyed before it is done it stores no more: the caller's bytes may be gone by then.
///
/// Guarded by its operation, which holds the file's lock exclusively or has made the file itself.
class content_filler {
 public:
  content_filler() noexcept = default;
  content_filler(content_filler&& other) noexcept { swap(other); }
  content_filler& operator=(content_filler&& other) noexcept {
    swap(other);
    return *this;
  }
  /// Precondition: `is_done()`. `from` and `content` must live until it is done again.
  void begin(storage& content, std::uint64_t offset, std::span<const std::byte> from) noexcept {
    content_ = &content;
    next_ = offset;
    end_ = offset + from.size();
    from_ = from.data();
  }
  void begin_zeros(storage& content, std::uint64_t begin, std::uint64_t end) noexcept {
    content_ = &content;
    next_ = begin;
    end_ = end;
    from_ = nullptr;
  }

  bool is_done() const noexcept { return next_ >= end_; }
  /// The offset where it goes on.
  std::uint64_t next() const noexcept { return next_; }
  void store_slice() noexcept {
    const std::uint64_t size = std::min(end_ - next_, slice_size);
    if (from_ != nullptr) {
      content_->store(next_, {from_, static_cast<std::size_t>(size)});
      from_ += size;
    } else {
      content_->store_zeros(next_, next_ + size);
    }
    next_ += size;
  }
  /// Stores all that is left.
  void finish() noexcept {
    while (!is_done()) store_slice();
  }

 private:
  void swap(content_filler& other) noexcept {
    std::swap(content_, other.content_);
    std::swap(next_, other.next_);
    std::swap(end_, other.end_);
    std::swap(from_, other.from_);
  }

  storage* content_ = nullptr;
  std::uint64_t next_ = 0, end_ = 0;
  const std::byte* from_ = nullptr;  // null for zeros
};

}  // namespace coramfs::detail
