// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "deterministic/request.hpp"
#include "deterministic/staged_context.hpp"

#include "support/dice.hpp"
#include "support/seeds.hpp"

#include <asio/awaitable.hpp>
#include <asio/cancellation_signal.hpp>
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

/// The contexts that the coroutines of one schedule run on.
class stage {
 public:
  stage(std::size_t contexts, std::uint64_t seed) : seeds_(~seed) {
    for (std::size_t i = 0; i < contexts; ++i) contexts_.push_back(fresh());
  }

  std::size_t size() const noexcept { return contexts_.size(); }
  staged_context& operator[](std::size_t i) { return *contexts_[i]; }
  void destroy(std::size_t i) {
    if (contexts_[i] == nullptr) return;
    dead_ = dice(dead_ ^ contexts_[i]->fingerprint()).roll();
    contexts_[i].reset();
  }
  void replace(std::size_t i) {
    destroy(i);
    contexts_[i] = fresh();
  }
  void replace_all() {
    for (std::size_t i = 0; i < size(); ++i) replace(i);
  }
  /// As a simulation's, of all contexts, those that are dead as they were when they died.
  std::uint64_t fingerprint() const noexcept {
    std::uint64_t all = dead_;
    for (const auto& c : contexts_)
      if (c != nullptr) all = dice(all ^ c->fingerprint()).roll();
    return all;
  }

  /// One that has something ready; null: none has.
  staged_context* busy(dice& d) {
    const std::size_t first = d.below(size());
    for (std::size_t i = 0; i < size(); ++i) {
      staged_context& c = *contexts_[(first + i) % size()];
      if (!c.is_idle()) return &c;
    }
    return nullptr;
  }

 private:
  std::unique_ptr<staged_context> fresh() {
    return std::make_unique<staged_context>(seeds_.roll());
  }
  dice seeds_;
  std::vector<std::unique_ptr<staged_context>> contexts_;
  std::uint64_t dead_ = 0;  // a fingerprint of those that have died
};

/// One schedule: coroutines go on and events happen, in an order that the dice choose, and what
/// must always hold is looked at after every step.
class world {
 public:
  world(stage& on, std::uint64_t seed)
      : on_(on), dice_(seed), has_time_(dice_.one_in(2)), seed_(seed) {}
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
    r.is_to_begin = true;
    asio::co_spawn(on_[r.context].executor(), watch(r, std::move(body)), ended{&r});
  }
  void cancel(request& r) {
    // Asio 1.26 throws out of its context where a coroutine is cancelled that has not begun.
    if (r.is_to_begin) return;
    r.is_canceled = true;
    r.signal.emit(asio::cancellation_type::terminal);
  }

  /// What one waits, immediately or for ever, until time passes or much time, or for a long time.
  lock_timeout any_patience() {
    if (dice_.one_in(5)) return lock_timeout::immediate();
    if (!has_time_ || dice_.one_in(2)) return lock_timeout::forever();
    if (dice_.one_in(2)) return staged_context::soon;
    if (dice_.one_in(2)) return staged_context::later;
    return std::chrono::hours(1);
  }

  stage& on_;
  dice dice_;
  /// Half of the schedules do without deadlines, so that nothing else ends a wait.
  const bool has_time_;

 private:
  /// What is told that a request's coroutine has ended, and cancels it at once. If its slot were
  /// bound to it, Asio 1.26 would take a cancellation to the executor, to come when it likes.
  struct ended {
    using cancellation_slot_type = asio::cancellation_slot;
    request* of;

    cancellation_slot_type get_cancellation_slot() const noexcept { return of->signal.slot(); }
    void operator()(std::exception_ptr thrown) const { of->has_ended |= thrown != nullptr; }
  };

  // Before the next step, which may see no more than a consequence.
  asio::awaitable<void> watch(request& r, asio::awaitable<void> body) {
    r.is_to_begin = false;
    co_await asio::this_coro::throw_if_cancelled(false);
    try {
      co_await std::move(body);
    } catch (...) {
      thrown_ = std::current_exception();
    }
  }
  void go_through(int events) {
    while (events > 0) {
      staged_context* const busy = on_.busy(dice_);
      if (busy != nullptr && !dice_.one_in(3)) {
        busy->step();
      } else {
        --events;
        act();
      }
      check_all();
    }
    while (go_on() || relieve()) check_all();
    check_end();
  }
  bool go_on() {
    require(++steps_ < 100'000, "the schedule ends");
    staged_context* const busy = on_.busy(dice_);
    if (busy != nullptr) busy->step();
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

/// Runs `experiment(stage, seed)` for many seeds, each on contexts of its own, and every tenth
/// twice: the second run must be the same as the first.
template <class Experiment>
void for_each_schedule(std::size_t contexts, std::uint64_t count, Experiment experiment) {
  const auto fingerprint_of = [&](std::uint64_t seed) {
    stage on(contexts, seed);
    experiment(on, seed);
    return on.fingerprint();
  };
  for_each_seed(count, [&](std::uint64_t seed) {
    const std::uint64_t first = fingerprint_of(seed);
    if (seed % 10 == 0) require(fingerprint_of(seed) == first, "one seed is one schedule");
  });
}

}  // namespace coramfs::tests
