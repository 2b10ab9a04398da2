// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <bit>
#include <string_view>

namespace coramfs::detail {

inline bool is_same_name(std::string_view a, std::string_view b) noexcept {
  // The locale does not matter: names of encodings are ASCII.
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// An encoding whose files begin with a mark, and its plain forms, which have none.
struct marked_encoding {
  std::string_view name;
  const char* native;
  const char* swapped;  // with the other order of bytes; null: there is none
};

/// Returns null for an encoding that is plain itself, or unknown.
inline const marked_encoding* find_marked_encoding(std::string_view name) noexcept {
  constexpr bool little = std::endian::native == std::endian::little;
  static constexpr const char* utf16[] = {little ? "UTF-16LE" : "UTF-16BE",
                                          little ? "UTF-16BE" : "UTF-16LE"};
  static constexpr const char* utf32[] = {little ? "UTF-32LE" : "UTF-32BE",
                                          little ? "UTF-32BE" : "UTF-32LE"};
  static constexpr marked_encoding all[] = {{"utf-8-sig", "UTF-8", nullptr},
                                            {"utf-16", utf16[0], utf16[1]},
                                            {"utf16", utf16[0], utf16[1]},
                                            {"utf-32", utf32[0], utf32[1]},
                                            {"utf32", utf32[0], utf32[1]}};
  const auto* const found = std::ranges::find_if(
      all, [name](const marked_encoding& m) { return is_same_name(m.name, name); });
  return found == std::end(all) ? nullptr : found;
}

}  // namespace coramfs::detail
