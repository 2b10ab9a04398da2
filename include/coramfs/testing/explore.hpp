// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/testing/detail/body.hpp>
#include <coramfs/testing/schedule.hpp>
#include <coramfs/testing/simulation.hpp>
#include <coramfs/testing/strategy.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::testing {

/// How `explore` goes about it.
struct explore_options {
  /// Which schedule each seed has.
  testing::strategy strategy = {};
  /// The `schedule::time_pressure` of those that have none. With more than 0 deadlines may pass
  /// where nobody was slow, so the body has to be right then, too: a `timed_out` is no bug of its
  /// own.
  double time_pressure = 0;
  /// A run that takes more steps than that has failed: it may never end.
  std::size_t most_steps = 1'000'000;
  /// Whether `simulation::run()` may come to an end with something suspended. `stuck_error`, which
  /// the other `run` throws, is a failure in any case if the body lets it out.
  bool may_be_stuck = false;
  /// Whether a failure's trace is made as small as it can be, by runs of the body. If a framework
  /// for tests would tell of a failure in each of them, since it tells of it where it happens and
  /// can not be quieted, it is not done.
  bool minimises = true;
  /// How many runs that may take.
  unsigned most_minimising_runs = 2000;
  /// Whether a failure is returned, and not thrown.
  bool returns_failure = false;
  /// Where a failure's text goes that is not in what is thrown, and the choices that a body made in
  /// vain; null: nowhere. By default standard error.
  std::ostream* to = standard_error();

 private:
  CORAMFS_EXPORT static std::ostream* standard_error() noexcept;
};

/// What `explore` has found.
struct report {
  /// How many schedules were run: one for each seed. Those that were run again are not counted.
  std::uint64_t runs = 0;
  /// How many steps those took together.
  std::uint64_t steps = 0;
  /// Whether `schedule::all` has come to its end: there is no order that was not run.
  bool is_complete = false;

  /// What has failed: what an exception said, the report of what is stuck, or where two runs of one
  /// schedule differ. Empty: nothing.
  std::string why = {};
  /// The seed that failed. With `schedule::all` it is the number of the run, from 0.
  std::uint64_t seed = 0;
  /// Its schedule; with `schedule::all` the `replay`.
  schedule how = schedule::fifo();
  /// What it chose.
  trace taken = {};
  /// The least that was found to fail in the same way: `schedule::replay(minimised, how.seed())`
  /// does it again. The same as `taken` if it was not minimised.
  trace minimised = {};
  /// Where `minimised` differs from `fifo`, in words: `at step 17 "reader" goes before "writer"`.
  std::vector<std::string> differences = {};
  /// How many runs it took to minimise; 0 if that was not done.
  unsigned minimising_runs = 0;
  /// All of that in words, with how to repeat it. If nothing has failed, what was run.
  std::string text = {};

  /// Whether nothing has failed.
  /// @{
  bool ok() const noexcept { return why.empty(); }
  explicit operator bool() const noexcept { return ok(); }
  /// @}
};

/// Writes its text.
CORAMFS_EXPORT std::ostream& operator<<(std::ostream& to, const report& r);

/// Thrown by `explore`. `what()` is the report's text.
class CORAMFS_EXPORT explore_failed : public std::runtime_error {
 public:
  /// With the report.
  explicit explore_failed(report r) : std::runtime_error(r.text), found_(std::move(r)) {}
  ~explore_failed() override;

  /// What was found.
  const report& found() const noexcept { return found_; }

 private:
  report found_;
};

/// Runs a test many times, each time on a simulation of its own with another schedule: with the
/// seeds from 0 to `count` - 1. The first run that fails ends it. If the environment variable
/// `CORAMFS_SEED` is set, that seed is run and no other.
///
///     coramfs::testing::explore(500, [](coramfs::testing::simulation& sim) {
///       auto& counter = sim.keep<visits>();
///       for (int i = 0; i < 3; ++i) sim.spawn(visit(counter), "visitor " + std::to_string(i));
///       sim.run();
///       REQUIRE(counter.count == 3);
///     });
///
/// The body makes what it needs anew each time, takes what is to be random from `simulation::seed`,
/// and leaves nothing behind that changes the next run, such as a static variable. It runs the
/// simulation itself: if it has spawned coroutines and not run one step, that is a failure. What
/// coroutines refer to must not go while they are suspended, and here the simulation is there
/// before what the body declares; so that is made with `simulation::keep`, or `simulation::clear`
/// is called before. An assertion that fails in the middle leaves coroutines suspended, too.
///
/// What fails is an exception that the body lets out, which is also what a check of
/// `check_always` or a coroutine of `spawn` has thrown; a `simulation::run()` that ends stuck; more
/// steps than `most_steps`; and what a framework for tests has counted meanwhile as failed, if it
/// has been introduced by the adapter for it, though the body went on. Every tenth seed is run
/// twice, and fails if the second run takes another step than the first one, at another time, or
/// ends otherwise: then a seed repeats nothing, and the report says which step is the first that
/// differs.
///
/// A failure is minimised. The trace is made to differ from `fifo` in as few steps as it can, by
/// leaving out a half of the differences, a quarter, and at last each of them, as long as it still
/// fails in the same way, which is with the same text but for numbers. So what is left can be told
/// in words, and read.
///
/// Then `explore_failed` is thrown, with all of that in its `what()`; so a test of any framework
/// fails, and a `main` ends with it. If the body has thrown what is no `std::exception`, as
/// frameworks do where an assertion has failed that they have told of already, the text goes to
/// `explore_options::to`, and the same is thrown again, since it is the framework that has to catch
/// it. With `returns_failure` neither is thrown, the text goes to `to`, and it is for the caller to
/// look at the report.
///
/// A body may also return an awaitable, which is run on the simulation to its end, or a result, or
/// an awaitable of one: then its error is thrown by `value()`.
///
/// Throws also what the function of the `strategy` throws, and `std::invalid_argument` if
/// `CORAMFS_SEED` is no number, or if no run is asked for.
/// @{
CORAMFS_EXPORT report explore(unsigned count, std::function<void(simulation&)> body,
                              explore_options options = {});
template <class Body>
requires coramfs::detail::returning_body<Body, simulation&> report
explore(unsigned count, Body body, explore_options options = {}) {
  return explore(count, std::function<void(simulation&)>([&](simulation& sim) {
                   coramfs::detail::run_to_end(sim, body(sim));
                 }),
                 std::move(options));
}
/// @}

}  // namespace coramfs::testing
