// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/serializer.hpp>

#include <boost/beast/core/buffers_range.hpp>

#include <string>

namespace shared {

// Beast serves as a parser and a serializer only. It brings Boost's Asio for its buffer types,
// which are not those of the Asio that moves the bytes here: between the two stand strings.

/// The start line and the fields of a message, as they go over the wire.
template <bool IsRequest>
std::string serialized_head(
    const boost::beast::http::message<IsRequest, boost::beast::http::empty_body>& message) {
  namespace beast = boost::beast;
  beast::http::serializer<IsRequest, beast::http::empty_body> serializer(message);
  std::string text;
  const auto append = [&](beast::error_code& error, const auto& buffers) {
    error = {};
    for (const auto piece : beast::buffers_range_ref(buffers))
      text.append(static_cast<const char*>(piece.data()), piece.size());
    serializer.consume(beast::buffer_bytes(buffers));
  };
  beast::error_code error;
  while (!serializer.is_done() && !error) serializer.next(error, append);
  return text;
}

}  // namespace shared
