// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/export.hpp>
#include <coramfs/detail/simulated_wait.hpp>
#include <coramfs/testing/clock.hpp>
#include <coramfs/testing/simulation.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace coramfs::testing {

/// A timer by the time of a `simulation`, for code that has the type of its timers as a template
/// parameter, or names it by an alias: most of the interface of `asio::steady_timer`. What is left
/// out is the blocking `wait`, which could only block the simulation; the executor as a template
/// parameter, and with it `rebind_executor` and default tokens; and the constructors from any
/// execution context: there are those from a simulation and from an executor.
///
/// A handler whose time has come is ready as any other task, and runs in a step of its own, on its
/// associated executor. Timers that expire at the same time are ready in the order in which their
/// waits began; the deadlines of coramfs on one context share one timer, which counts from when it
/// was last set.
///
/// Thread safety and lifetime: as the simulation's, which must outlive it, and also any use of a
/// cancellation slot that one of its waits had when the simulation ended. A wait that is pending
/// when the simulation ends is destroyed with it, its handler uncalled.
class CORAMFS_EXPORT timer {
 public:
  /// As `asio::steady_timer` has them.
  /// @{
  using clock_type = testing::clock;
  using duration = clock_type::duration;
  using time_point = clock_type::time_point;
  using executor_type = asio::any_io_executor;
  /// @}

  /// A timer on an executor of a simulation's, or on one over it, such as a strand. It has expired
  /// already. Throws `std::logic_error` if the executor's context is no simulation.
  /// @{
  explicit timer(const executor_type& on);
  explicit timer(simulation& on) : timer(executor_type(on.get_executor())) {}
  /// @}
  /// One that expires then.
  /// @{
  timer(const executor_type& on, time_point when) : timer(on) { expires_at(when); }
  timer(const executor_type& on, duration after) : timer(on) { expires_after(after); }
  timer(simulation& on, time_point when) : timer(on) { expires_at(when); }
  timer(simulation& on, duration after) : timer(on) { expires_after(after); }
  /// @}
  /// The waits go along. What was moved from is as new, on the same executor, and has expired.
  /// @{
  timer(timer&& other) noexcept;
  timer& operator=(timer&& other) noexcept;
  /// @}
  /// Cancels what waits. What there is no memory to end goes on until its time has come.
  ~timer();

  /// The executor that it was made with.
  const executor_type& get_executor() const noexcept { return executor_; }

  /// When it expires, or has expired.
  time_point expiry() const noexcept { return expiry_; }
  /// Sets that, and cancels what waits. Returns how many waits that were. A time that is over
  /// already is legal.
  /// @{
  std::size_t expires_at(time_point when);
  std::size_t expires_after(duration after);
  /// @}

  /// Ends waits with `asio::error::operation_aborted`: all, or the one that began first. Returns
  /// how many. One whose time has come is ready already, and ends without an error. Throws
  /// `std::bad_alloc`, and what has not ended then still waits.
  /// @{
  std::size_t cancel();
  std::size_t cancel_one();
  /// @}

  /// Waits until it expires. Completes with an `error_code`, which is `operation_aborted` if it was
  /// cancelled, also by the token's cancellation slot.
  template <asio::completion_token_for<void(asio_error_code)> Token>
  auto async_wait(Token&& token) {
    return asio::async_initiate<Token, void(asio_error_code)>(initiate{this}, token);
  }

 private:
  struct initiate {
    using executor_type = timer::executor_type;
    executor_type get_executor() const noexcept { return self->executor_; }

    template <class Handler>
    void operator()(Handler&& handler) const {
      using kept = std::decay_t<Handler>;
      using wait = coramfs::detail::simulated_wait_of<coramfs::detail::simulated_expiry, kept>;
      auto made = std::make_shared<wait>(kept(std::forward<Handler>(handler)), self->executor_);
      const coramfs::detail::simulated_place place = self->next_place();
      made->cancel_at(place);
      self->begin(place, std::move(made));
    }

    timer* self;
  };

  void end() noexcept;
  coramfs::detail::simulated_place next_place() noexcept;
  void begin(const coramfs::detail::simulated_place& place,
             std::shared_ptr<coramfs::detail::simulated_wait> w);

  coramfs::detail::simulation_core* core_;
  executor_type executor_;
  time_point expiry_;
  std::uint64_t number_;  // which timer it is, for its waits
};

}  // namespace coramfs::testing
