// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include <iconv.h>

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

  /// Errors: `invalid_argument` for an unknown name; `out_of_memory`; any other error that iconv
  /// reports.
  static result<iconv_descriptor> open(const char* to, const char* from) noexcept;

  iconv_descriptor(iconv_descriptor&& other) noexcept
      : handle_(std::exchange(other.handle_, none())) {}
  iconv_descriptor& operator=(iconv_descriptor&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~iconv_descriptor() {
    if (handle_ != none()) ::iconv_close(handle_);
  }

  /// Converts from the front of `from` to the front of `to`, and takes off both what was used.
  outcome convert(std::string_view& from, std::span<char>& to) noexcept;
  /// Writes what it holds back, and the way to the initial state, to the front of `to`, and takes
  /// that off. It is in the initial state then.
  outcome finish(std::span<char>& to) noexcept;
  void reset() noexcept;

 private:
  static ::iconv_t none() noexcept { return reinterpret_cast<::iconv_t>(-1); }

  explicit iconv_descriptor(::iconv_t handle) noexcept : handle_(handle) {}

  ::iconv_t handle_;  // iconv's own "none" after a move from this
};

}  // namespace coramfs::detail
