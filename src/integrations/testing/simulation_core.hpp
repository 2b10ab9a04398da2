// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/context_time.hpp>
#include <coramfs/testing/simulation.hpp>
#include <coramfs/testing/timer.hpp>

#include "integrations/testing/asio_memory.hpp"
#include "integrations/testing/chooser.hpp"
#include "integrations/testing/current.hpp"
#include "integrations/testing/ready_set.hpp"
#include "integrations/testing/task_queue.hpp"
#include "integrations/testing/virtual_clock.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// Looks at each step of a simulation when it has been chosen and noted, before it runs. What it
/// throws comes out of the step, whose task is destroyed then.
class step_observer {
 public:
  /// The last choice of `taken` is the task's, which is not among `others` any more: those before
  /// its place are the ones that it has passed. `coroutine` is the one that it belongs to, or 0.
  virtual void chosen(const simulation_core& in, const ready_set& others, std::uint64_t task,
                      std::uint64_t coroutine) = 0;

 protected:
  step_observer() = default;
  step_observer(const step_observer&) = delete;
  step_observer& operator=(const step_observer&) = delete;
  ~step_observer() = default;
};

/// What a simulation consists of: what is ready, what waits for a time, and what is told of both.
///
/// Guarded by the simulation's thread, but for `add`, which notes what other threads hand in and
/// keeps it apart, and for `work`: the executors that such tasks have go along with them.
class simulation_core final : public context_time {
 public:
  using time_point = virtual_clock::time_point;

  simulation_core(testing::simulation& of, testing::schedule how, bool gives_turns);
  simulation_core(const simulation_core&) = delete;
  simulation_core& operator=(const simulation_core&) = delete;
  ~simulation_core();
  /// The one of an executor's context, for something of the type `whose`. Throws `std::logic_error`
  /// if that is no simulation.
  static simulation_core& of(const asio::any_io_executor& on, const char* whose);

  /// `coroutine` is the number of the one that the task belongs to, or 0.
  void add(std::unique_ptr<simulated_task> t, std::uint64_t coroutine = 0) noexcept;
  bool is_idle() const noexcept { return ready_.is_empty() && arrived_.is_empty(); }
  bool step();
  void advance(std::chrono::steady_clock::duration by);
  /// Throws `std::logic_error` in a step of this simulation, or on another thread.
  void require_outside_of_steps(const char* call) const;
  /// Throws `std::logic_error` if another thread has handed in a task, or may do so.
  void require_own_thread() const;
  void require_alone() const;
  /// Notes a call that would have blocked the thread within the step, which ends the run: as
  /// `blocking_ban::refused`.
  void is_blocked_by(const error& unmet, const void* lock) noexcept;
  bool is_blocked() const noexcept { return blocked_.has_value(); }
  /// To be called before the services of the simulation end: from now on there are no steps, and
  /// nothing is told of what waits.
  void end() noexcept;
  /// To be called when they have ended: destroys what is ready and what waits, and what that makes
  /// ready.
  void clear() noexcept;
  /// To be called at last: destroys what the simulation has kept, the youngest first, and what that
  /// makes ready.
  void destroy_kept() noexcept;

  /// A place in time: of the waits for one time, the one that began first comes first.
  using alarm_key = std::pair<time_point, std::uint64_t>;
  /// Where a wait that begins next is.
  alarm_key next_place(time_point when) noexcept { return {when, ++waits_begun_}; }
  /// Has `w` ended when the time has come. `timer` tells the waits of one timer. Throws
  /// `std::bad_alloc`, and then no wait has begun.
  void begin_wait(const alarm_key& key, std::uint64_t timer, std::shared_ptr<simulated_wait> w);
  /// Ends a wait before, if it is still there. What its end throws leaves it as it was.
  void cancel_wait(const alarm_key& key);
  /// Ends waits of a timer, `most` at most, those first that began first. Returns how many. What
  /// the end of one throws leaves that and all that come after it as they were.
  std::size_t cancel_waits(std::uint64_t timer, std::size_t most);
  std::uint64_t new_timer() noexcept { return ++timers_; }
  /// The wait of a timer that began first; null if there is none.
  std::shared_ptr<simulated_wait> first_wait(std::uint64_t timer) const noexcept;
  /// A seed by the schedule's, each time another one.
  std::uint64_t new_seed() noexcept;

  std::uint64_t begin_coroutine(std::string_view name);
  std::uint64_t coroutines_begun() const noexcept { return coroutines_begun_; }
  /// One that has not ended; else null.
  const testing::pending_coroutine* coroutine(std::uint64_t number) const noexcept {
    const auto found = coroutines_.find(number);
    return found != coroutines_.end() ? &found->second : nullptr;
  }
  void end_coroutine(std::uint64_t number) noexcept { coroutines_.erase(number); }

  /// Has the step that is going on throw that, if nothing else has been thrown in it.
  void has_thrown(std::exception_ptr thrown) noexcept {
    if (!thrown_) thrown_ = std::move(thrown);
  }

  testing::outcome look() const;
  std::uint64_t seed() const noexcept { return chooser_.how().seed(); }
  const testing::schedule& how() const noexcept { return chooser_.how(); }

  // As `context_time`.
  time_point now() const noexcept override { return clock->steady_now(); }
  // Races of users are between operations, most of which never suspend by themselves.
  bool gives_turns() const noexcept override { return gives_turns_; }
  std::unique_ptr<context_timer> make_timer() override;
  void wait_begins(const void* waiter, const wait_reason& why) noexcept override;
  void wait_ends(const void* waiter) noexcept override { waits_.erase(waiter); }

  const std::shared_ptr<virtual_clock> clock;
  // Its elements stay where they are when one is added, as a check may do.
  std::deque<std::function<void()>> checks;
  testing::trace taken;
  std::uint64_t fingerprint = 0;
  std::atomic<std::uint64_t> work{0};  ///< executors that count as work
  step_observer* observer = nullptr;
  std::string stuck_end;  ///< what `simulation::run()` has told, if that was stuck
  std::vector<std::shared_ptr<void>> kept;

 private:
  struct alarm {
    std::uint64_t timer;
    std::shared_ptr<simulated_wait> wait;
    time_point since;
    std::uint64_t coroutine;  // that has begun it
  };
  using alarms = std::map<alarm_key, alarm>;
  struct blocked {
    error why;
    const void* lock;
    std::uint64_t coroutine;
  };
  struct suspended {
    wait_reason why;
    time_point since;
    std::uint64_t number;
    std::uint64_t coroutine;
  };

  void gather();
  alarms::const_iterator first_of(std::uint64_t timer) const noexcept;
  void end_wait(alarms::const_iterator at, const asio_error_code& how);
  bool jump();
  void ring();
  void note(const testing::choice& c, std::uint64_t task) noexcept;
  std::vector<testing::pending_wait> pending_waits() const;

  testing::simulation& of_;
  asio_memory memory_;
  const bool gives_turns_;
  chooser chooser_;
  const std::thread::id thread_ = std::this_thread::get_id();
  const current::place place_{*this};
  bool is_stepping_ = false;
  bool is_over_ = false;
  std::uint64_t coroutine_ = 0;  // that the step belongs to
  std::exception_ptr thrown_;    // by a coroutine, in the step

  task_queue arrived_;  // after all of ready_
  ready_set ready_;
  std::uint64_t tasks_ = 0;  // that have been ready
  alarms alarms_;
  std::set<std::pair<std::uint64_t, alarm_key>> of_timers_;  // the keys of alarms_, by timer
  std::uint64_t waits_begun_ = 0;
  std::uint64_t timers_ = 0;
  std::uint64_t seeds_ = 0;
  std::map<std::uint64_t, testing::pending_coroutine> coroutines_;
  std::uint64_t coroutines_begun_ = 0;
  std::unordered_map<const void*, suspended> waits_;  // in coramfs
  std::optional<blocked> blocked_;

  mutable std::mutex mutex_;
  task_queue foreign_;  // of other threads; guarded by mutex_
  std::atomic<bool> has_foreign_{false};
};

}  // namespace coramfs::detail
