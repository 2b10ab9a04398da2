// SPDX-License-Identifier: BSL-1.0
#include "async/coroutine_waiter.hpp"

#include <coramfs/asio.hpp>

namespace coramfs::detail {

/// What the slot calls. It goes with the signal, which may end before the waiter.
class coroutine_waiter::canceling {
 public:
  explicit canceling(coroutine_waiter& of) noexcept : of_(of) { of_.listens_ = true; }
  canceling(const canceling&) = delete;
  canceling& operator=(const canceling&) = delete;
  ~canceling() { of_.listens_ = false; }

  void operator()(asio::cancellation_type type) const noexcept {
    if (type != asio::cancellation_type::none) of_.cancel();
  }

 private:
  coroutine_waiter& of_;
};

result<coroutine_waiter::had> coroutine_waiter::start(claim& wanted, lock_timeout patience,
                                                      asio::cancellation_slot slot,
                                                      const wait_reason& why) noexcept try {
  make_outcome();
  slot_ = slot;
  if (slot_.is_connected()) slot_.emplace<canceling>(*this);
  auto& context = asio::query(executor_, asio::execution::context);
  if (!context_waiter::start(wanted, patience, context, why)) return had::not_yet;
  end_start();
  return had::at_once;
} catch (const std::bad_alloc&) {
  end_start();
  return errc::out_of_memory;
} catch (const asio_system_error& e) {
  end_start();
  return error(e.code());
}

void coroutine_waiter::end_start() noexcept {
  forget_slot();
  if (is_made_) drop_outcome();
}

void coroutine_waiter::forget_slot() noexcept {
  if (listens_) slot_.clear();
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
