// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/initiation.hpp>

#include "async/start.hpp"

#include <utility>

namespace coramfs::detail {

/// Returns an operation that begins later: `make()` makes it then.
template <class Make>
auto later(const asio::any_io_executor& executor, Make make) noexcept {
  using outcome = decltype(make().outcome());
  return initiation<outcome>(
      executor, [make = std::move(make)](completion<outcome>& to) mutable { start(to, make()); });
}

}  // namespace coramfs::detail
