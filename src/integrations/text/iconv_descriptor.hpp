// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

namespace coramfs::detail {

/// A conversion of iconv's, with its state.
class iconv_descriptor {
 public:
  enum class outcome {
    done,          ///< all input was taken
    full,          ///< there is no room for more
    incomplete,    ///< what is left is the start of a character
    illegal,       ///< what is left starts with something that can not be converted
    approximated,  ///< all was taken, but something was replaced by something else
  };

  /// Errors: `invalid_argument` for an unknown name; `out_of_memory`; what else iconv says.
  static result<iconv_descriptor> open(const char* to, const char* from) noexcept;

  iconv_descriptor(iconv_descriptor&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  iconv_descriptor& operator=(iconv_descriptor&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~iconv_descriptor();

  /// Takes what it converts off the front of `from`, and off `to` the room that this needs.
  outcome convert(std::string_view& from, std::span<char>& to) noexcept;
  /// Gives out what it holds back and the way to the initial state, and is in that state then.
  outcome finish(std::span<char>& to) noexcept;
  void reset() noexcept;

 private:
  explicit iconv_descriptor(void* handle) noexcept : handle_(handle) {}

  void* handle_;  // an iconv_t, which is a pointer everywhere, in the place of iconv's header
};

}  // namespace coramfs::detail
