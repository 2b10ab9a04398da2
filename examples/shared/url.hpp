// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shared {

/// The parts of an `http://` URL, as a request needs them.
struct url {
  std::string host;    ///< a name or an address, without the brackets of IPv6
  std::string port;    ///< decimal digits
  std::string target;  ///< the path, percent-encoded, with the query if there is one
};

/// `http://host[:port][/path][?query]`; a fragment is dropped.
///
/// Throws `std::invalid_argument`, whose text says what is wrong.
url parse_url(std::string_view text);

/// `host[:port]`, as the Host field has it: no port if it is 80.
std::string authority(const url& u);

/// Escapes what may not stand in the path of a URL. Slashes stay.
std::string percent_encode_path(std::string_view path);

/// Nothing for a `%` that no two hexadecimal digits follow.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace shared
