// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/stream.hpp>
#include <coramfs/detail/stream_handler.hpp>
#include <coramfs/result.hpp>

#include <cstddef>

namespace coramfs::detail {

/// A handler for a read of a stream, to which no bytes mean the end.
template <class Handler>
struct end_handler : stream_handler<Handler> {
  void operator()(const result<std::size_t>& count) {
    transferred t;
    t.count = take(count, t.ec);
    if (count && t.count == 0) t.ec = asio::error::eof;
    stream_handler<Handler>::operator()(t);
  }
};

}  // namespace coramfs::detail

// This specialization is named in full, because a namespace can not be opened by an alias.
template <template <class, class> class Associator, class Handler, class Default>
struct coramfs::asio::associator<Associator, coramfs::detail::end_handler<Handler>, Default>
    : Associator<Handler, Default> {
  using wrapped = coramfs::detail::end_handler<Handler>;

  static auto get(const wrapped& w) noexcept {
    return Associator<Handler, Default>::get(w.handler);
  }
  static auto get(const wrapped& w, const Default& fallback) noexcept {
    return Associator<Handler, Default>::get(w.handler, fallback);
  }
};
