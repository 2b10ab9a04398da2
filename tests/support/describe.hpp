// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include <string>
#include <string_view>
#include <system_error>

namespace coramfs::tests {

/// What a call failed with, to be compared with an `errc`; a code of no error if it succeeded.
template <class T>
error error_of(const result<T>& r) {
  return r ? error(std::error_code()) : r.error();
}

inline bytes bytes_of(std::string_view text) {
  const auto* const first = reinterpret_cast<const std::byte*>(text.data());
  return bytes(first, first + text.size());
}

inline std::string text_of(const bytes& content) {
  return std::string(reinterpret_cast<const char*>(content.data()), content.size());
}

}  // namespace coramfs::tests
