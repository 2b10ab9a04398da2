// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace coramfs {

namespace detail {

/// Owned text that stays off the heap up to `inline_size` bytes.
///
/// An awaitable is lazy and may outlive the string that it was called with, so operations take
/// their paths into this. It never throws: where memory for a long text is refused, `valid()`
/// is false and the operation fails with `out_of_memory`.
class path_text {
 public:
  static constexpr std::size_t inline_size = 100;

  path_text() noexcept = default;
  explicit path_text(std::string_view text) noexcept { assign(text); }
  path_text(path_text&& other) noexcept
      : size_(std::exchange(other.size_, 0)), heap_(std::move(other.heap_)) {
    take_inline(other);
  }
  path_text& operator=(path_text&& other) noexcept {
    if (this != &other) {
      size_ = std::exchange(other.size_, 0);
      heap_ = std::move(other.heap_);
      take_inline(other);
    }
    return *this;
  }
  ~path_text() = default;

  void assign(std::string_view text) noexcept {
    size_ = text.size();
    heap_.reset(size_ > inline_size ? new (std::nothrow) char[size_] : nullptr);
    if (valid() && size_ != 0) std::memcpy(data(), text.data(), size_);
  }

  bool valid() const noexcept { return size_ <= inline_size || heap_ != nullptr; }
  std::string_view view() const noexcept {
    return valid() ? std::string_view(heap_ ? heap_.get() : inline_, size_) : std::string_view();
  }

 private:
  void take_inline(const path_text& other) noexcept {
    if (size_ != 0 && size_ <= inline_size) std::memcpy(inline_, other.inline_, size_);
  }
  char* data() noexcept { return heap_ ? heap_.get() : inline_; }

  std::size_t size_ = 0;
  std::unique_ptr<char[]> heap_;
  char inline_[inline_size];
};

}  // namespace detail

/// A path, as operations take it: from a `std::string`, a string literal or a
/// `std::string_view`, copied at the call.
class path_argument {
 public:
  template <class Text>
  requires std::is_convertible_v<const Text&, std::string_view> path_argument(const Text& text)
  noexcept : text_(std::string_view(text)) {}

  /// From what is a string only by conversion, as `std::filesystem::path` is.
  template <class Text>
  requires(!std::is_convertible_v<const Text&, std::string_view> &&
           std::is_convertible_v<const Text&, std::string>) path_argument(const Text& text)
      : text_(static_cast<std::string>(text)) {}

  bool valid() const noexcept { return text_.valid(); }
  std::string_view view() const noexcept { return text_.view(); }
  /// Gives the text away.
  detail::path_text take() noexcept { return std::move(text_); }

 private:
  detail::path_text text_;
};

}  // namespace coramfs
