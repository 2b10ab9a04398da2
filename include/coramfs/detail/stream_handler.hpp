// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/completion.hpp>
#include <coramfs/detail/open_file.hpp>
#include <coramfs/detail/stream.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace coramfs::detail {

/// What a stream operation ends with.
struct transferred {
  asio_error_code ec;
  std::size_t count;
};

/// A handler for `void(asio_error_code, std::size_t)`, and what the operation needs until it is
/// called. It has all that is associated with the handler.
template <class Handler>
struct stream_handler {
  Handler handler;
  // Of a write, which keeps its error. A read that ends with a result is a follower's, of no file,
  // and to it no bytes mean the end.
  open_file* file = nullptr;
  std::shared_ptr<const void> kept = nullptr;

  void operator()(const transferred& t) {
    kept.reset();
    std::move(handler)(t.ec, t.count);
  }
  void operator()(const result<std::size_t>& done) {
    transferred t;
    t.count = file != nullptr ? take(done, t.ec, *file) : take(done, t.ec);
    if (file == nullptr && done && t.count == 0) t.ec = asio::error::eof;
    (*this)(t);
  }
};

/// Completes a stream operation in its initiation, but does not call the handler there.
template <class Handler>
void complete_at_once(const asio::any_io_executor& executor, Handler handler,
                      const transferred& t) {
  using wrapped = stream_handler<Handler>;
  const auto immediate = immediate_executor_of(handler, executor);
  submit_at_once(immediate, bound_handler<wrapped, transferred>{{std::move(handler)}, t});
}

}  // namespace coramfs::detail

// This specialization is named in full, because a namespace can not be opened by an alias.
template <template <class, class> class Associator, class Handler, class Default>
struct coramfs::asio::associator<Associator, coramfs::detail::stream_handler<Handler>, Default>
    : Associator<Handler, Default> {
  using wrapped = coramfs::detail::stream_handler<Handler>;

  static auto get(const wrapped& w) noexcept {
    return Associator<Handler, Default>::get(w.handler);
  }
  static auto get(const wrapped& w, const Default& fallback) noexcept {
    return Associator<Handler, Default>::get(w.handler, fallback);
  }
};
