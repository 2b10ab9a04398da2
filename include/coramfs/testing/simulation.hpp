// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/clock.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/asio_spawn.hpp>
#include <coramfs/detail/export.hpp>
#include <coramfs/options.hpp>
#include <coramfs/testing/outcome.hpp>
#include <coramfs/testing/schedule.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace coramfs::detail {

class exploration;
class task_queue;

/// What is ready, whatever its type is.
class simulated_task {
 public:
  simulated_task() = default;
  simulated_task(const simulated_task&) = delete;
  simulated_task& operator=(const simulated_task&) = delete;
  virtual ~simulated_task() = default;
  virtual void run() = 0;

 private:
  friend class simulation_core;
  friend class task_queue;
  std::unique_ptr<simulated_task> next_;  // in a queue
  std::uint64_t coroutine_ = 0;           // which one it belongs to, if not 0
};

template <class Function>
class simulated_task_of final : public simulated_task {
 public:
  explicit simulated_task_of(Function&& f) : function_(std::move(f)) {}
  void run() override { std::move(function_)(); }

 private:
  Function function_;
};

class simulation_core;

/// What a coroutine of `simulation::run` has come to.
template <class T>
struct simulated_run {
  std::optional<T> value = {};
  std::exception_ptr thrown = {};
  bool has_ended = false;
};

/// What Asio tells when a coroutine of a simulation has ended. Nothing is left to be done then, so
/// it is called right there, and makes no step of its own.
class simulated_end {
 public:
  /// Runs the call in place, whatever was asked for.
  class executor_type {
   public:
    explicit executor_type(asio::execution_context& on) noexcept : on_(&on) {}

    asio::execution_context& query(asio::execution::context_t) const noexcept { return *on_; }
    static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept {
      return asio::execution::blocking.never;
    }
    executor_type require(asio::execution::blocking_t::never_t) const noexcept { return *this; }
    template <class Function>
    void execute(Function f) const {
      std::move(f)();
    }
    friend bool operator==(const executor_type& a, const executor_type& b) noexcept {
      return a.on_ == b.on_;
    }
    friend bool operator!=(const executor_type& a, const executor_type& b) noexcept {
      return a.on_ != b.on_;
    }

   private:
    asio::execution_context* on_;
  };

  explicit simulated_end(asio::execution_context& on) noexcept : executor_(on) {}
  executor_type get_executor() const noexcept { return executor_; }
  void operator()(const std::exception_ptr&) const noexcept {}

 private:
  executor_type executor_;
};

}  // namespace coramfs::detail

namespace coramfs::testing {

/// An execution context for tests: it runs what is ready one step at a time, in an order that a
/// seed chooses, and its time is virtual. So a test that fails once in a thousand runs fails again
/// with the same seed, and none has to wait.
///
/// A step is one task that was handed to the executor, such as a coroutine that goes on until it
/// suspends again. Nothing runs between two steps. What a step makes ready is ready after it, in
/// that order. So what a seed finds are orders of what lies between two suspensions, and no data
/// races of threads. Each operation of a `file_system` or `file` that is awaited suspends here,
/// before it begins, also where elsewhere it would not. A strand is one task, which runs in a row,
/// in one step, what has come to the strand before.
///
/// Time stands still while anything is ready, unless `schedule::time_pressure` says otherwise. When
/// nothing is, it jumps to the next timer: of a `testing::timer`, or of a deadline of coramfs's,
/// such as `open_options::timeout`. It begins with the year 2000. A volume that is made with
/// `options()` goes by it, and goes through its directories in an order of the seed's: any other
/// one goes by real clocks, and in a random order. What the code under test reads of real clocks,
/// or does in threads, sockets and other contexts, is not simulated. A blocking call of
/// `coramfs::sync` that would have to wait within a step ends as at its deadline, and the step as
/// stuck: code that is to be simulated uses coroutines. A blocking `rw_lock::lock`, which has no
/// deadline, ends the program then, with the report.
///
/// Neither are Asio's own timers simulated: on this context they complete from a thread of Asio's.
/// A task that comes from another thread than the simulation's is never run, and is reported as
/// `std::logic_error` by the next step, and at the end of a run. So is any timer, socket or signal
/// set of Asio's that was made on this context, where nothing is left to be run.
///
/// Thread safety: none; it belongs to the thread that has made it. A step on another thread is
/// refused.
///
/// Lifetime: its destructor destroys what is suspended or ready, without running it. So whatever
/// the coroutines refer to has to be declared before the simulation, which then ends first, however
/// the test ends: an `rw_lock` above all, which nobody may wait for when it ends. Where that can
/// not be, `clear()` is for the end of the test. Timers and executors must not be used after the
/// simulation; a volume and the `clock()` may outlive it.
///
///     std::string seen;
///     coramfs::rw_lock lock;
///     coramfs::testing::simulation sim(coramfs::testing::schedule::uniform(seed));
///     const auto v = coramfs::volume::create(sim.options()).value();
///     coramfs::file_system fs(sim.get_executor(), v);
///     sim.spawn(rewrite(fs, lock), "writer");
///     sim.run(read(fs, lock, seen));
///     REQUIRE((seen == "old" || seen == "new"));
///     REQUIRE(sim.run());
class CORAMFS_EXPORT simulation : public asio::execution_context {
 public:
  class executor_type;
  /// Those of `testing::clock`.
  /// @{
  using duration = std::chrono::steady_clock::duration;
  using time_point = std::chrono::steady_clock::time_point;
  /// @}

  /// Throws `std::bad_alloc`.
  explicit simulation(schedule how = schedule::uniform(0));
  /// May be called by another thread, too, if no other uses the simulation any more.
  ~simulation();

  /// An executor whose functions become tasks. They never run within the call.
  executor_type get_executor() noexcept;

  /// The time.
  time_point now() const noexcept;
  /// The clock for `volume_options::clock`. It stops when the simulation ends. It also has the keys
  /// of the hashes of the volumes that are made with it, by the seed.
  std::shared_ptr<const coramfs::clock> clock() const noexcept;
  /// Options for a volume with that clock, and else as given, or as they are by default.
  /// @{
  volume_options options() const;
  volume_options options(volume_options others) const;
  /// @}
  /// Lets time pass, and makes ready whoever waits for a time that has come by then. It runs
  /// nothing. Time does not go back, nor beyond what a `time_point` can say: with a negative
  /// duration none passes, and with a very long one as much as there is. What waits for
  /// `time_point::max()` still waits.
  ///
  /// Throws `std::bad_alloc`: the time has passed then, and who was not made ready is so with the
  /// next call, or when time jumps again.
  void advance(duration by);

  /// Whether nothing is ready now, whatever timers are to come.
  bool is_idle() const noexcept;
  /// Runs one step. If nothing is ready, time jumps first. Returns whether there was a step: if
  /// not, nothing is ready, and no timer is to come.
  ///
  /// Throws what the step throws, or a check after it; what a coroutine of `spawn` has thrown in
  /// it; `stuck_error` after a `clear()`, if a blocking call would have had to wait in the step, of
  /// `coramfs::sync` or of an `rw_lock`, which has ended as at its deadline; `std::bad_alloc`
  /// before it has taken anything; and `std::logic_error` if another thread has handed something to
  /// the executor, if nothing is left to be run and Asio has begun to run things on this context by
  /// itself, if the simulation belongs to another thread, and if it is called within a step or a
  /// check of the same simulation.
  bool step();
  /// Runs steps until there is none. Throws as `step`.
  outcome run();
  /// Destroys what is suspended or ready, without running it, as the destructor does: before what
  /// that refers to goes. It is the end of the simulation: there is no step any more, and a
  /// coroutine that is spawned or run then throws `std::logic_error`, as this does if it is called
  /// within a step.
  void clear();

  /// Spawns a coroutine, and runs steps until it has ended; none after that. Others that are
  /// suspended then, stay so. Returns its value.
  ///
  /// Throws what the coroutine has thrown, and as `step`. If it can never end, throws `stuck_error`
  /// after a `clear()`, so that nobody is suspended when the exception destroys what those who
  /// waited refer to. Where a test is to go on after that, there are `spawn` and the other `run`.
  template <class T, class Executor>
  T run(asio::awaitable<T, Executor> body) {
    const auto state = begin_run(std::move(body));
    while (!state->has_ended && step()) continue;
    if (!state->has_ended) end_stuck();
    if (state->thrown) std::rethrow_exception(state->thrown);
    require_own_thread();
    if constexpr (!std::is_void_v<T>) return std::move(*state->value);
  }
  /// Does the same for a function that returns an awaitable, such as a lambda, which it keeps
  /// alive.
  template <class Function>
  requires std::is_invocable_v<Function&>
  auto run(Function body) { return run(called<Function>(std::move(body))); }

  /// Begins a coroutine. Its first part runs in a step to come. What it throws comes out of the
  /// `step` in which it does, and so out of `run`. The name is for reports.
  template <class Executor>
  void spawn(asio::awaitable<void, Executor> body, std::string_view name = {}) {
    const std::uint64_t number = begin_coroutine(name);
    begin(number, [&] { return telling(std::move(body), number); });
  }
  /// Does the same for a function that returns an awaitable, which it keeps alive.
  template <class Function>
  requires std::is_invocable_v<Function&>
  void spawn(Function body, std::string_view name = {}) {
    spawn(called<Function>(std::move(body)), name);
  }

  /// Makes an object that lives until the simulation ends, and all that was suspended on it has
  /// been destroyed: for what coroutines refer to, where it can not be declared before the
  /// simulation, as in the body of `explore`. Of several the last is destroyed first. Throws what
  /// the constructor throws, and `std::bad_alloc`.
  ///
  ///     auto& lock = sim.keep<coramfs::rw_lock>();
  template <class T, class... Arguments>
  T& keep(Arguments&&... arguments) {
    auto made = std::make_shared<T>(std::forward<Arguments>(arguments)...);
    T& object = *made;
    keep_alive(std::move(made));
    return object;
  }

  /// Has a function called after every step, as a part of it: one that looks at what must always
  /// hold. What it throws ends the run at that step. One that is added within a check is called
  /// after that same step already.
  void check_always(std::function<void()> check);

  /// How things stand now, as `run()` tells it at the end: what has not ended is taken for stuck,
  /// and the report's first line says what is still ready or to come.
  outcome look() const;
  /// The seed of its schedule: for whatever else is to be random in the test, which is repeated
  /// with it then.
  std::uint64_t seed() const noexcept;
  /// What it chose so far.
  const trace& taken() const noexcept;
  /// A number that two runs have in common, with high probability, only if they took the same steps
  /// at the same times.
  std::uint64_t fingerprint() const noexcept;

 protected:
  /// Says that no operation on files suspends that would not do so elsewhere.
  struct without_turns {};
  /// Makes one of that kind, for tests of coramfs itself.
  simulation(schedule how, without_turns);

 private:
  friend class executor_type;
  friend class timer;
  friend class coramfs::detail::exploration;

  template <class Function>
  void begin(std::uint64_t number, Function make);
  template <class T, class Executor>
  auto begin_run(asio::awaitable<T, Executor> body) {
    using kept = std::conditional_t<std::is_void_v<T>, bool, T>;
    const auto state = std::make_shared<coramfs::detail::simulated_run<kept>>();
    const std::uint64_t number = begin_coroutine("run");
    begin(number, [&] { return keeping(std::move(body), state, number); });
    return state;
  }
  // These tell the end of a coroutine in the very step in which it ends. What Asio calls then is a
  // step of its own, which others may come before.
  template <class T, class Executor, class State>
  asio::awaitable<void, Executor> keeping(asio::awaitable<T, Executor> body, State to,
                                          std::uint64_t number) {
    try {
      if constexpr (std::is_void_v<T>) {
        co_await std::move(body);
      } else {
        to->value.emplace(co_await std::move(body));
      }
    } catch (...) {
      to->thrown = std::current_exception();
    }
    to->has_ended = true;
    end_coroutine(number);
  }
  template <class Executor>
  asio::awaitable<void, Executor> telling(asio::awaitable<void, Executor> body,
                                          std::uint64_t number) {
    std::exception_ptr thrown;
    try {
      co_await std::move(body);
    } catch (...) {
      thrown = std::current_exception();
    }
    end_coroutine(number);
    if (thrown) has_thrown(std::move(thrown));
  }
  template <class Function>
  static std::invoke_result_t<Function&> called(Function body) {
    co_return co_await body();
  }

  void keep_alive(std::shared_ptr<void> object);
  [[noreturn]] void end_stuck();
  void require_own_thread() const;
  void has_thrown(std::exception_ptr thrown) noexcept;
  void add(std::unique_ptr<coramfs::detail::simulated_task> t, std::uint64_t coroutine) noexcept;
  void work_begins() noexcept;
  void work_ends() noexcept;
  std::uint64_t begin_coroutine(std::string_view name);
  void end_coroutine(std::uint64_t number) noexcept;

  std::unique_ptr<coramfs::detail::simulation_core> core_;
};

/// The executor of a `simulation`. It models Asio's executor concept, and `asio::any_io_executor`
/// takes it. Whatever has made it count as work, as a spawned coroutine does, is something that has
/// not ended.
class simulation::executor_type {
 public:
  /// Refers to the same simulation.
  /// @{
  executor_type(const executor_type& other) noexcept
      : executor_type(*other.on_, other.tag_, other.is_tracked()) {}
  executor_type(executor_type&& other) noexcept
      : on_(other.on_), tag_(std::exchange(other.tag_, other.tag_ & ~tracked)) {}
  executor_type& operator=(executor_type other) noexcept {
    std::swap(on_, other.on_);
    std::swap(tag_, other.tag_);
    return *this;
  }
  /// @}
  ~executor_type() {
    if (is_tracked()) on_->work_ends();
  }

  /// The simulation.
  simulation& context() const noexcept { return *on_; }

  /// What Asio asks of an executor.
  /// @{
  asio::execution_context& query(asio::execution::context_t) const noexcept { return *on_; }
  static constexpr asio::execution::blocking_t query(asio::execution::blocking_t) noexcept {
    return asio::execution::blocking.never;
  }
  asio::execution::outstanding_work_t query(asio::execution::outstanding_work_t) const noexcept {
    if (is_tracked()) return asio::execution::outstanding_work.tracked;
    return asio::execution::outstanding_work.untracked;
  }
  executor_type require(asio::execution::blocking_t::never_t) const noexcept { return *this; }
  executor_type require(asio::execution::outstanding_work_t::tracked_t) const noexcept {
    return {*on_, tag_, true};
  }
  executor_type require(asio::execution::outstanding_work_t::untracked_t) const noexcept {
    return {*on_, tag_, false};
  }
  template <class Function>
  void execute(Function f) const {
    on_->add(std::make_unique<coramfs::detail::simulated_task_of<Function>>(std::move(f)),
             tag_ / 2);
  }
  friend bool operator==(const executor_type& a, const executor_type& b) noexcept {
    return a.on_ == b.on_ && a.is_tracked() == b.is_tracked();
  }
  friend bool operator!=(const executor_type& a, const executor_type& b) noexcept {
    return !(a == b);
  }
  /// @}

 private:
  friend class simulation;

  static constexpr std::uint64_t tracked = 1;

  executor_type(simulation& on, std::uint64_t tag, bool counts_as_work) noexcept
      : on_(&on), tag_(counts_as_work ? tag | tracked : tag & ~tracked) {
    if (counts_as_work) on_->work_begins();
  }
  bool is_tracked() const noexcept { return (tag_ & tracked) != 0; }

  simulation* on_;
  // Twice the number of the coroutine whose tasks these are, and 1 more if it counts as work. So it
  // is small enough for `asio::any_io_executor` to have it within.
  std::uint64_t tag_;
};

inline simulation::executor_type simulation::get_executor() noexcept { return {*this, 0, false}; }

// Here, since clang wants the executor to be complete.
template <class Function>
void simulation::begin(std::uint64_t number, Function make) {
  try {
    asio::co_spawn(executor_type(*this, 2 * number, false), make(),
                   coramfs::detail::simulated_end(*this));
  } catch (...) {
    end_coroutine(number);
    throw;
  }
}

}  // namespace coramfs::testing
