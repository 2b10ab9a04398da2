// SPDX-License-Identifier: BSL-1.0
#include "async/coroutine_waiter.hpp"

#include <asio/cancellation_type.hpp>
#include <asio/post.hpp>
#include <asio/query.hpp>

#include <system_error>

namespace coramfs::detail {

result<coroutine_waiter::had> coroutine_waiter::start(claim& wanted, const deadline& until,
                                                      asio::cancellation_slot slot) noexcept try {
  slot_ = slot;
  if (slot_.is_connected()) {
    slot_.assign([this](asio::cancellation_type type) {
      if (type != asio::cancellation_type::none) cancel();
    });
  }
  auto& context = asio::query(executor_, asio::execution::context);
  if (!context_waiter::start(wanted, until, context)) return had::not_yet;
  forget_slot();
  return had::at_once;
} catch (const std::bad_alloc&) {
  forget_slot();
  return errc::out_of_memory;
} catch (const std::system_error& e) {
  forget_slot();
  return error(e.code());
}

void coroutine_waiter::forget_slot() noexcept {
  if (slot_.is_connected()) slot_.clear();
}

void coroutine_waiter::submit(continuation rest) {
  // The waiter may be gone before the call returns, and the executor is in its coroutine's frame.
  const asio::any_io_executor on = executor_;
  asio::post(on, std::move(rest));
}

void coroutine_waiter::resume() {
  forget_slot();
  finish_(*this, take_outcome());
}

void coroutine_waiter::abandon() noexcept {
  forget_slot();
  give_back();
  finish_(*this, std::nullopt);
}

}  // namespace coramfs::detail
