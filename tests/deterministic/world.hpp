// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "deterministic/request.hpp"
#include "deterministic/stepping_context.hpp"

#include "support/seeds.hpp"

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/co_spawn.hpp>
#include <asio/this_coro.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

namespace coramfs::tests {

/// The contexts that a test's coroutines run on. They are used for one schedule after another,
/// which is faster than to make them anew.
class stage {
 public:
  explicit stage(std::size_t contexts) {
    for (std::size_t i = 0; i < contexts; ++i) contexts_.push_back(fresh());
  }

  std::size_t size() const noexcept { return contexts_.size(); }
  stepping_context& operator[](std::size_t i) { return *contexts_[i]; }
  void destroy(std::size_t i) { contexts_[i].reset(); }
  void replace(std::size_t i) { contexts_[i] = fresh(); }
  void replace_all() {
    for (auto& c : contexts_) c = fresh();
  }

  /// One that has something ready; null: none has.
  stepping_context* busy(dice& d) {
    const std::size_t first = d.below(size());
    for (std::size_t i = 0; i < size(); ++i) {
      stepping_context& c = *contexts_[(first + i) % size()];
      if (!c.is_idle()) return &c;
    }
    return nullptr;
  }

 private:
  static std::unique_ptr<stepping_context> fresh() { return std::make_unique<stepping_context>(); }
  std::vector<std::unique_ptr<stepping_context>> contexts_;
};

/// One schedule: coroutines go on and events happen, in an order that the dice choose, and what
/// must always hold is looked at after every step.
class world {
 public:
  world(stage& on, std::uint64_t seed)
      : on_(on), dice_(seed), has_time_(dice_.one_in(4)), seed_(seed) {}
  virtual ~world() = default;
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  /// Until `events` have happened, and all who wait have had what they wait for.
  void run(int events) {
    try {
      go_through(events);
    } catch (const std::exception& e) {
      // What comes now may not even end.
      std::cerr << "CORAMFS_SEED=" << seed_ << ": " << e.what() << std::endl;
      on_.replace_all();
      throw;
    }
  }

 protected:
  /// Something happens.
  virtual void act() = 0;
  /// The end has come: lets go of something that others may wait for. False: there is no more.
  virtual bool relieve() = 0;
  /// What holds after every step.
  virtual void check() = 0;
  /// What holds besides when nothing is ready: all that could be done has been done.
  virtual void check_quiet() = 0;
  virtual void check_end() = 0;

  void let_time_pass(bool much) {
    for (std::size_t i = 0; i < on_.size(); ++i) on_[i].let_time_pass(much);
  }
  /// Begins the coroutine of a request, which can be cancelled. What it throws comes out of `run`.
  void begin(request& r, asio::awaitable<void> body) {
    // Asio does not even begin what is cancelled before.
    const auto ended = [&r](std::exception_ptr thrown) { r.has_ended |= thrown != nullptr; };
    asio::co_spawn(on_[r.context].executor(), watch(std::move(body)),
                   asio::bind_cancellation_slot(r.signal.slot(), ended));
  }
  void cancel(request& r) {
    r.is_canceled = true;
    r.signal.emit(asio::cancellation_type::terminal);
  }

  /// What one waits, immediately or for ever, until time passes or much time, or for a long time.
  lock_timeout any_patience() {
    if (dice_.one_in(5)) return lock_timeout::immediate();
    if (!has_time_ || dice_.one_in(2)) return lock_timeout::forever();
    if (dice_.one_in(2)) return stepping_context::soon;
    if (dice_.one_in(2)) return stepping_context::later;
    return std::chrono::hours(1);
  }

  stage& on_;
  dice dice_;
  /// Most schedules do without deadlines: the system's timers take most of the time.
  const bool has_time_;

 private:
  // Before the next step, which may see no more than a consequence.
  asio::awaitable<void> watch(asio::awaitable<void> body) {
    co_await asio::this_coro::throw_if_cancelled(false);
    try {
      co_await std::move(body);
    } catch (...) {
      thrown_ = std::current_exception();
    }
  }
  void go_through(int events) {
    while (events > 0) {
      stepping_context* const busy = on_.busy(dice_);
      if (busy != nullptr && !dice_.one_in(3)) {
        busy->step(dice_);
      } else {
        --events;
        act();
      }
      check_all();
    }
    while (go_on() || relieve()) check_all();
    for (std::size_t i = 0; has_time_ && i < on_.size(); ++i) on_[i].settle(dice_);
    check_end();
  }
  bool go_on() {
    require(++steps_ < 100'000, "the schedule ends");
    stepping_context* const busy = on_.busy(dice_);
    if (busy != nullptr) busy->step(dice_);
    return busy != nullptr;
  }
  void check_all() {
    if (thrown_) std::rethrow_exception(thrown_);
    check();
    if (on_.busy(dice_) == nullptr) check_quiet();
  }

  const std::uint64_t seed_;
  std::exception_ptr thrown_;
  int steps_ = 0;
};

}  // namespace coramfs::tests
