// SPDX-License-Identifier: BSL-1.0
#include "shared/url.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <system_error>

namespace shared {

namespace {

constexpr std::string_view hex_digits = "0123456789ABCDEF";

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

// "unreserved" of RFC 3986.
bool is_unreserved(char c) { return is_alphanumeric(c) || is_one_of(c, "-._~"); }

// What may stand in a path and a query as it is: "pchar", "/" and "?".
bool is_target_character(char c) { return is_unreserved(c) || is_one_of(c, "%!$&'()*+,;=:@/?"); }

std::optional<unsigned> hex_value(char c) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(&c, &c + 1, value, 16);
  if (error != std::errc() || end != &c + 1) return std::nullopt;
  return value;
}

std::string_view without_scheme(std::string_view text) {
  constexpr std::string_view scheme = "http://";
  if (text.size() < scheme.size()) throw std::invalid_argument("not an http:// URL");
  for (std::size_t i = 0; i < scheme.size(); ++i) {
    const char lower = is_alphanumeric(text[i]) ? static_cast<char>(text[i] | 0x20) : text[i];
    if (lower != scheme[i]) throw std::invalid_argument("not an http:// URL");
  }
  return text.substr(scheme.size());
}

std::string checked_port(std::string_view text) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number == 0)
    throw std::invalid_argument("the port must be a number from 1 to 65535");
  return std::to_string(number);
}

std::string checked_host(std::string_view text, std::string_view also_allowed) {
  if (text.empty()) throw std::invalid_argument("the host is missing");
  for (const char c : text)
    if (!is_unreserved(c) && !is_one_of(c, also_allowed))
      throw std::invalid_argument("the host is not a name or an address");
  return std::string(text);
}

void parse_authority(std::string_view text, url& to) {
  if (is_one_of('@', text)) throw std::invalid_argument("user names are not supported");
  std::string_view rest;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) throw std::invalid_argument("a ] is missing");
    to.host = checked_host(text.substr(1, end - 1), ":");
    rest = text.substr(end + 1);
  } else {
    const std::size_t colon = text.find(':');
    to.host = checked_host(text.substr(0, colon), "");
    if (colon != std::string_view::npos) rest = text.substr(colon);
  }
  if (!rest.empty() && rest.front() != ':')
    throw std::invalid_argument("only a port may follow the host");
  to.port = rest.size() > 1 ? checked_port(rest.substr(1)) : "80";
}

// Whoever stores a file by its path would be led out of the directory by these.
bool has_dot_segment(std::string_view path) {
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    if (segment == "." || segment == "..") return true;
    begin = end + 1;
  }
  return false;
}

void parse_target(std::string_view text, url& to) {
  for (const char c : text)
    if (!is_target_character(c))
      throw std::invalid_argument("some characters of the path must be percent-encoded");
  if (has_dot_segment(text.substr(0, text.find('?'))))
    throw std::invalid_argument("the path must have no . or .. in it");
  if (!percent_decode(text)) throw std::invalid_argument("two hexadecimal digits must follow a %");
  to.target = text;
  if (!text.starts_with('/')) to.target.insert(0, 1, '/');
}

}  // namespace

url parse_url(std::string_view text) {
  const std::string_view all = without_scheme(text);
  const std::string_view whole = all.substr(0, all.find('#'));
  const std::size_t path = whole.find_first_of("/?");
  url parsed;
  parse_authority(whole.substr(0, path), parsed);
  parse_target(path == std::string_view::npos ? "" : whole.substr(path), parsed);
  return parsed;
}

std::string authority(const url& u) {
  std::string text = u.host.find(':') == std::string::npos ? u.host : '[' + u.host + ']';
  if (u.port != "80") text += ':' + u.port;
  return text;
}

std::string percent_encode_path(std::string_view path) {
  std::string encoded;
  encoded.reserve(path.size());
  for (const char c : path) {
    if (is_unreserved(c) || c == '/') {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += hex_digits[byte >> 4];
    encoded += hex_digits[byte & 15];
  }
  return encoded;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const auto high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
    if (!high || !low) return std::nullopt;
    decoded += static_cast<char>(*high << 4 | *low);
    i += 2;
  }
  return decoded;
}

}  // namespace shared
