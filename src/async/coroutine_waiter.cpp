// SPDX-License-Identifier: BSL-1.0
#include "async/coroutine_waiter.hpp"

#include <asio/cancellation_type.hpp>
#include <asio/post.hpp>

namespace coramfs::detail {

/// What is posted: if it is destroyed unrun, its context is dying.
class coroutine_waiter::resumption {
 public:
  explicit resumption(coroutine_waiter& w) noexcept : waiter_(&w) {}
  resumption(resumption&& other) noexcept : waiter_(std::exchange(other.waiter_, nullptr)) {}
  ~resumption() {
    if (waiter_ != nullptr) waiter_->abandon();
  }
  void operator()() {
    coroutine_waiter& w = *std::exchange(waiter_, nullptr);
    w.forget_slot();
    w.finish_(w, w.take_outcome());
  }

 private:
  coroutine_waiter* waiter_;
};

coroutine_waiter::had coroutine_waiter::start(claim& wanted, const deadline& until,
                                              asio::cancellation_slot slot) noexcept try {
  slot_ = slot;
  if (slot_.is_connected()) {
    slot_.assign([this](asio::cancellation_type type) {
      if (type != asio::cancellation_type::none) cancel();
    });
  }
  if (!context_waiter::start(wanted, until, executor_)) return had::not_yet;
  forget_slot();
  return had::at_once;
} catch (const std::bad_alloc&) {
  forget_slot();
  return had::no_memory;
}

void coroutine_waiter::forget_slot() noexcept {
  if (slot_.is_connected()) slot_.clear();
}

void coroutine_waiter::post() noexcept {
  const asio::any_io_executor on = executor_;
  asio::post(on, resumption(*this));
}

void coroutine_waiter::abandon() noexcept {
  forget_slot();
  give_back();
  finish_(*this, std::nullopt);
}

}  // namespace coramfs::detail
