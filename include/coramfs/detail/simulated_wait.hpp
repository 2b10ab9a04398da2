// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/export.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <tuple>
#include <utility>

namespace coramfs::detail {

class simulation_core;

/// What waits on a simulation, whatever its handler is.
class simulated_wait {
 public:
  simulated_wait() = default;
  simulated_wait(const simulated_wait&) = delete;
  simulated_wait& operator=(const simulated_wait&) = delete;
  virtual ~simulated_wait() = default;

  /// Makes the handler ready. Called until it does not throw, and then this may be destroyed.
  /// Throws `std::bad_alloc`.
  virtual void end(const asio_error_code& how) = 0;
  /// What waits, for the report of a simulation that is stuck; empty: nothing that a user began.
  virtual std::string_view what() const noexcept { return {}; }
};

/// Where a wait is: enough to find it while it is there.
struct simulated_place {
  simulation_core* in;
  std::chrono::steady_clock::time_point when;
  std::uint64_t number;

  CORAMFS_EXPORT void cancel() const;
};

/// The wait for a time, whose handler is told how it has ended.
class simulated_expiry : public simulated_wait {
 public:
  std::string_view what() const noexcept override { return "timer"; }

 protected:
  std::tuple<asio_error_code> arguments() const noexcept { return {result}; }

  asio_error_code result;
};

/// A wait of the kind `Wait` for a handler. The handler's arguments are those that the wait has
/// when it is called, so they may still be set after `end`.
template <class Wait, class Handler>
class simulated_wait_of final
    : public Wait,
      public std::enable_shared_from_this<simulated_wait_of<Wait, Handler>> {
 public:
  template <class... Arguments>
  simulated_wait_of(Handler&& handler, const asio::any_io_executor& otherwise,
                    Arguments&&... arguments)
      : Wait(std::forward<Arguments>(arguments)...),
        handler_(std::move(handler)),
        work_(asio::make_work_guard(handler_, otherwise)) {}

  /// Has the handler's cancellation slot cancel it. To be called before it begins, since it may end
  /// at once, and empties the slot then.
  void cancel_at(const simulated_place& place) {
    auto slot = asio::get_associated_cancellation_slot(handler_);
    if (!slot.is_connected()) return;
    slot.assign([place](asio::cancellation_type type) {
      if (type != asio::cancellation_type::none) place.cancel();
    });
  }
  // One hop: the handler is not looked at for an executor again. It stays here until it is called,
  // so a post that is refused for want of memory loses nothing.
  void end(const asio_error_code& how) override {
    asio::post(work_.get_executor(),
               [self = this->shared_from_this()]() mutable { run(std::move(self)); });
    this->result = how;
    auto slot = asio::get_associated_cancellation_slot(handler_);
    if (slot.is_connected()) slot.clear();
  }

 private:
  // What the wait has is freed before the handler is called, which may begin another.
  static void run(std::shared_ptr<simulated_wait_of> w) {
    Handler handler(std::move(w->handler_));
    const auto arguments = w->arguments();
    w.reset();
    std::apply(std::move(handler), arguments);
  }

  Handler handler_;
  asio::executor_work_guard<asio::associated_executor_t<Handler, asio::any_io_executor>> work_;
};

}  // namespace coramfs::detail
