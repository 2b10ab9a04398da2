// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tested_proxy {

/// What the head of a request, or of a response, ends with.
inline constexpr std::string_view end_of_head = "\r\n\r\n";

/// The target of a GET request, such as "/index.html"; nothing for any other head.
std::optional<std::string> target_of(std::string_view request_head);
std::string request_for(std::string_view target);

/// What a proxy for files needs to know of a response.
struct response_head {
  unsigned status = 0;
  std::optional<std::uint64_t> length_bytes = {};  ///< of the body, if it is said
};

/// Nothing for what is no head of a response.
std::optional<response_head> parse_response(std::string_view head);
std::string to_string(const response_head& head);

}  // namespace tested_proxy
