// SPDX-License-Identifier: BSL-1.0
#include <coramfs/entry_pages.hpp>

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>

namespace coramfs::detail {

asio::awaitable<result<void>> turn_for_others() {
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await asio::post(suspend);
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  co_await asio::this_coro::throw_if_cancelled(throws);
  if (state.cancelled() != asio::cancellation_type::none) co_return errc::canceled;
  co_return success();
}

}  // namespace coramfs::detail
