// SPDX-License-Identifier: BSL-1.0
#include "http.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/verb.hpp>

namespace tested_proxy {

namespace http = boost::beast::http;

namespace {

/// Whether the parser has a whole head now.
template <class Parser>
bool takes(Parser& parser, std::string_view head) {
  boost::beast::error_code error;
  parser.skip(true);  // a body is not looked at
  parser.put({head.data(), head.size()}, error);
  return !error && parser.is_header_done();
}

}  // namespace

std::optional<std::string> target_of(std::string_view request_head) {
  http::request_parser<http::empty_body> parser;
  if (!takes(parser, request_head) || parser.get().method() != http::verb::get) return std::nullopt;
  return std::string(parser.get().target());
}

std::string request_for(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.0" + std::string(end_of_head);
}

std::optional<response_head> parse_response(std::string_view head) {
  http::response_parser<http::empty_body> parser;
  if (!takes(parser, head)) return std::nullopt;
  response_head h{parser.get().result_int()};
  if (const auto length = parser.content_length()) h.length_bytes = *length;
  return h;
}

std::string to_string(const response_head& head) {
  const auto reason = http::obsolete_reason(http::int_to_status(head.status));
  std::string text = "HTTP/1.0 " + std::to_string(head.status) + ' ' + std::string(reason) + "\r\n";
  if (head.length_bytes) text += "Content-Length: " + std::to_string(*head.length_bytes) + "\r\n";
  return text + "\r\n";
}

}  // namespace tested_proxy
