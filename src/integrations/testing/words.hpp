// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace coramfs::detail {

/// "1 file" or "3 files".
std::string counted(std::uint64_t n, std::string_view one, std::string_view many);

/// Text in quotes. Quotes, backslashes, what is not printed and what is no UTF-8 are escaped.
std::string in_quotes(std::string_view text);

/// How many bytes at the beginning of `text` are one character of UTF-8; 0 if they are none.
std::size_t utf8_length(std::string_view text) noexcept;

/// Bytes as a person can read them: `in_quotes`, if they are text, else in hexadecimal.
std::string readable(std::string_view bytes);
/// Whether they are UTF-8 without control characters but those of lines.
bool is_text(std::string_view bytes) noexcept;
std::string in_hexadecimal(std::string_view bytes);

/// As 2000-01-01T00:00:00.000000000Z.
std::string utc(std::chrono::system_clock::time_point t);

/// In seconds, with three digits behind the point, in whatever locale.
std::string seconds(std::chrono::steady_clock::duration d);

}  // namespace coramfs::detail
