// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/testing/simulation.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/execution.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

namespace coramfs::tests {

/// A simulation in which something may happen between two halves of a step: while somebody is about
/// to wait, or is handed something, another thread could come between.
///
/// Time stands still but for `let_time_pass`: then every deadline is over that is `soon`, and also
/// those that are `later` if much time passes. A deadline far away never is.
class staged_context : public testing::simulation {
 public:
  class hooked;

  /// So short that it is over whenever time passes.
  static constexpr std::chrono::nanoseconds soon{1};
  /// So long that little time is never enough for it.
  static constexpr std::chrono::nanoseconds later{40'000};

  explicit staged_context(std::uint64_t seed)
      : testing::simulation(testing::schedule::uniform(seed), without_turns()) {}

  asio::any_io_executor executor() noexcept;

  std::function<void()> before_suspension = [] {};
  std::function<void()> before_handing_on = [] {};

  void let_time_pass(bool much) { advance(much ? later : soon); }
};

/// Its executor, with the hooks.
class staged_context::hooked {
 public:
  explicit hooked(staged_context& on) noexcept : on_(&on) {}

  asio::execution_context& query(asio::execution::context_t) const noexcept { return *on_; }
  static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept {
    return asio::execution::blocking.never;
  }
  hooked require(asio::execution::blocking_t::never_t) const noexcept { return *this; }

  // Whoever waits counts as work, and says so just before.
  hooked require(asio::execution::outstanding_work_t::tracked_t) const {
    on_->before_suspension();
    return *this;
  }

  template <class Function>
  void execute(Function f) const {
    on_->before_handing_on();
    on_->get_executor().execute(std::move(f));
  }
  friend bool operator==(const hooked& a, const hooked& b) noexcept { return a.on_ == b.on_; }
  friend bool operator!=(const hooked& a, const hooked& b) noexcept { return a.on_ != b.on_; }

 private:
  staged_context* on_;
};

inline asio::any_io_executor staged_context::executor() noexcept { return hooked(*this); }

}  // namespace coramfs::tests
