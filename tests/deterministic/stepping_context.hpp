// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "support/dice.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/execution.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace coramfs::tests {

/// An execution context that runs what is ready one step at a time, in an order that dice choose:
/// the same dice, the same schedule.
///
/// Time stands still but for `let_time_pass`: then every deadline is over that has passed, and
/// all of them are if they are `soon`, or `later` if much time passes. A deadline far away never
/// is.
///
/// Thread safety: one thread.
class stepping_context : public asio::io_context {
 public:
  class stepper;

  /// So short that it is over whenever time passes.
  static constexpr std::chrono::nanoseconds soon{1};
  /// So long that little time is rarely enough for it.
  static constexpr std::chrono::nanoseconds later{40'000};

  stepping_context() : asio::io_context(1) {}
  /// What is still ready is destroyed unrun.
  ~stepping_context() {
    shutdown();
    while (!ready_.empty()) {
      const std::unique_ptr<task> dropped = std::move(ready_.back());
      ready_.pop_back();
    }
  }

  asio::any_io_executor executor() noexcept;

  /// What happens while somebody is about to wait, or is handed something: another thread could
  /// come between there.
  std::function<void()> before_suspension = [] {};
  std::function<void()> before_handing_on = [] {};

  bool is_idle() const noexcept { return ready_.empty(); }
  /// Runs one of those who are ready. Precondition: not idle.
  void step(dice& d) {
    std::swap(ready_[d.below(ready_.size())], ready_.back());
    const std::unique_ptr<task> chosen = std::move(ready_.back());
    ready_.pop_back();
    chosen->run();
  }

  /// Makes ready whoever waits for a time that has come. Asio has the timers; a handler of theirs
  /// is ready as any other then.
  void let_time_pass(bool much) {
    using clock = std::chrono::steady_clock;
    bool has_passed = false;
    asio::steady_timer now(get_executor(), much ? clock::now() + later : clock::time_point());
    now.async_wait([&has_passed](const std::error_code&) { has_passed = true; });
    restart();
    while (!has_passed) poll();
  }

  /// Runs what is left of timers that nobody needs any more, so that nothing of one schedule
  /// reaches the next.
  void settle(dice& d) {
    restart();
    poll();
    while (!is_idle()) step(d);
  }

 private:
  struct task {
    virtual ~task() = default;
    virtual void run() = 0;
  };
  template <class Function>
  struct task_of final : task {
    explicit task_of(Function f) : function(std::move(f)) {}
    void run() override { std::move(function)(); }
    Function function;
  };

  std::vector<std::unique_ptr<task>> ready_;
};

/// Its executor: what it is given is ready, and never runs inside the call.
class stepping_context::stepper {
 public:
  explicit stepper(stepping_context& on) noexcept : on_(&on) {}

  asio::execution_context& query(asio::execution::context_t) const noexcept { return *on_; }
  static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept {
    return asio::execution::blocking.never;
  }
  stepper require(asio::execution::blocking_t::never_t) const noexcept { return *this; }

  // Whoever waits counts as work, and says so just before.
  stepper require(asio::execution::outstanding_work_t::tracked_t) const {
    on_->before_suspension();
    return *this;
  }

  template <class Function>
  void execute(Function f) const {
    on_->before_handing_on();
    on_->ready_.push_back(std::make_unique<task_of<Function>>(std::move(f)));
  }
  friend bool operator==(const stepper& a, const stepper& b) noexcept { return a.on_ == b.on_; }
  friend bool operator!=(const stepper& a, const stepper& b) noexcept { return a.on_ != b.on_; }

 private:
  stepping_context* on_;
};

inline asio::any_io_executor stepping_context::executor() noexcept { return stepper(*this); }

}  // namespace coramfs::tests
