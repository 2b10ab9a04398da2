// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstring>
#include <new>
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
  static constexpr std::size_t inline_size = 56;

  path_text() noexcept = default;
  explicit path_text(std::string_view text) noexcept : size_(text.size()) {
    if (!is_inline()) set_heap(new (std::nothrow) char[size_]);
    if (valid() && size_ != 0) std::memcpy(is_inline() ? text_ : heap(), text.data(), size_);
  }
  path_text(path_text&& other) noexcept { take(other); }
  path_text& operator=(path_text&& other) noexcept {
    if (this == &other) return *this;
    free();
    take(other);
    return *this;
  }
  ~path_text() { free(); }

  bool valid() const noexcept { return is_inline() || heap() != nullptr; }
  std::string_view view() const noexcept {
    if (!valid()) return {};
    return {is_inline() ? text_ : heap(), size_};
  }

 private:
  bool is_inline() const noexcept { return size_ <= inline_size; }
  char* heap() const noexcept {
    char* text;
    std::memcpy(&text, text_, sizeof text);
    return text;
  }
  void set_heap(char* text) noexcept { std::memcpy(text_, &text, sizeof text); }
  void free() noexcept {
    if (!is_inline()) delete[] heap();
  }
  // Copies all of the room, which is faster than to look how much of it is used.
  void take(path_text& other) noexcept {
    size_ = std::exchange(other.size_, 0);
    std::memcpy(text_, other.text_, sizeof text_);
  }

  std::size_t size_ = 0;
  char text_[inline_size];  // the text, or a pointer to it
};

}  // namespace detail

/// A path, as operations take it: from a `std::string`, a string literal or a
/// `std::string_view`, or from their UTF-8 twins (`u8"/\u00e4"`), copied at the call.
class path_argument {
 public:
  template <class Text>
  requires std::is_convertible_v<const Text&, std::string_view> path_argument(const Text& text)
  noexcept : text_(std::string_view(text)) {}

  template <class Text>
  requires std::is_convertible_v<const Text&, std::u8string_view> path_argument(const Text& text)
  noexcept : path_argument(std::u8string_view(text), utf8()) {}

  /// Takes what only converts to a `std::string`, as `std::filesystem::path` does.
  template <class Text>
  requires(!std::is_convertible_v<const Text&, std::string_view> &&
           !std::is_convertible_v<const Text&, std::u8string_view> &&
           std::is_convertible_v<const Text&, std::string>) path_argument(const Text& text)
      : text_(static_cast<std::string>(text)) {}

  bool valid() const noexcept { return text_.valid(); }
  std::string_view view() const noexcept { return text_.view(); }
  const detail::path_text& kept() const noexcept { return text_; }
  /// Gives the text away.
  detail::path_text take() noexcept { return std::move(text_); }

 private:
  struct utf8 {};
  path_argument(std::u8string_view text, utf8) noexcept
      : text_(std::string_view(reinterpret_cast<const char*>(text.data()), text.size())) {}

  detail::path_text text_;
};

}  // namespace coramfs
