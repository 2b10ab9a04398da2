// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::detail {

class chooser;

}  // namespace coramfs::detail

namespace coramfs::testing {

/// One step of a `simulation`: which of the tasks that were ready it took, and when.
struct choice {
  std::uint32_t taken;  ///< its place, from 0, in the order in which they became ready
  std::uint32_t ready;  ///< how many there were
  /// Whether time jumped just before, although something was ready: by `time_pressure`. What became
  /// ready then is among the `ready`.
  bool has_jumped = false;

  /// Whether both are the same.
  friend constexpr bool operator==(const choice&, const choice&) noexcept = default;
};

/// The choices of a `simulation`, from its first step on.
using trace = std::vector<choice>;

/// How a `simulation` chooses the next task among those that are ready.
class schedule {
 public:
  /// The one that has been ready for longest, as an `io_context` with one thread does.
  static schedule fifo() { return {kind::fifo, 0}; }
  /// Any of them, as likely as any other: the same seed, the same choices.
  static schedule uniform(std::uint64_t seed) { return {kind::uniform, seed}; }
  /// By priorities (probabilistic concurrency testing, PCT): each spawned coroutine has one at
  /// random, and so has each task that is of none; the one that is highest goes on, until it
  /// suspends and nothing of it is ready. At `depth - 1` steps, which are chosen at random, whoever
  /// would go on goes behind all others for good. So it finds with few seeds what takes a rare
  /// order of a few events, such as one coroutine that is held up at one place while others go
  /// through.
  ///
  /// A bug of depth d takes d events in an order. If there are n coroutines and k steps at which
  /// more than one task is ready, a seed finds it with a probability of 1 / (n * k^(d-1)) at least,
  /// if `steps` is about k. With 0, which means that k is not known, it takes some ten times as
  /// many seeds: those steps are as likely among the first 2, 4, 8, and so on.
  ///
  /// Beyond 65,536 such steps it goes on as `uniform`, so that somebody who polls, and has the
  /// highest priority, does not keep all others from going on for ever.
  static schedule pct(std::uint64_t seed, unsigned depth, std::uint32_t steps = 0);
  /// As another simulation has chosen: the trace, and `fifo` where that has ended. A place that is
  /// not there stands for the last one that is, and a jump that can not be is left out. `seed` is
  /// for all else that is by the seed of a simulation: give that of the schedule whose trace it is.
  static schedule replay(trace taken, std::uint64_t seed = 0);
  /// All orders there are, one run for each, depth first, until `limit` of them have been run. It
  /// is for `explore`, and for bodies that are small: there are as many orders as the product of
  /// what is ready in each step. Time does not jump while anything is, whatever `time_pressure`
  /// says. The schedule of a single simulation can only be the first of them, `fifo`.
  static schedule all(std::uint64_t limit);
  /// The same with another `time_pressure`.
  schedule with_time_pressure(double pressure) const {
    schedule s = *this;
    s.time_pressure = pressure;
    return s;
  }

  /// From 0 to 1: how likely it is, before each step, that time jumps to the next timer although
  /// something is ready. So a timeout may come before what is on its way, or cross it. A `replay`
  /// jumps where its trace has, and whatever this is.
  double time_pressure = 0;

  /// Whether it is `fifo()`.
  bool is_fifo() const noexcept { return kind_ == kind::fifo; }
  /// Whether it is `all`.
  bool is_all() const noexcept { return kind_ == kind::all; }
  /// The seed of `uniform`, `pct` and `replay`; 0 for any other.
  std::uint64_t seed() const noexcept { return seed_; }
  /// How many orders `all` goes through at most; 0 for any other.
  std::uint64_t limit() const noexcept { return limit_; }

  /// Whether both choose the same.
  CORAMFS_EXPORT friend bool operator==(const schedule& a, const schedule& b) noexcept;
  /// As it is written in a program, behind `schedule::`: `fifo()`, `uniform(4711)`, or with time
  /// pressure `uniform(4711).with_time_pressure(0.25)`, the number with as many digits as it takes
  /// to have the same again. Of a replay's trace it has only the length.
  CORAMFS_EXPORT friend std::string to_string(const schedule& s);

 private:
  friend class coramfs::detail::chooser;
  enum class kind : unsigned char { fifo, uniform, pct, replay, all, one_apart };
  schedule(kind k, std::uint64_t seed) noexcept : seed_(seed), kind_(k) {}

  std::uint64_t seed_;
  std::uint64_t limit_ = 0;
  std::shared_ptr<const trace> taken_;   // of replay
  std::uint32_t depth_ = 0, steps_ = 0;  // of pct
  std::uint32_t coroutine_ = 0;          // of one_apart, which is from step `steps_` on
  bool is_first_ = false;                // of one_apart
  kind kind_;
};

inline schedule schedule::pct(std::uint64_t seed, unsigned depth, std::uint32_t steps) {
  schedule s(kind::pct, seed);
  s.depth_ = depth;
  s.steps_ = steps;
  return s;
}

inline schedule schedule::replay(trace taken, std::uint64_t seed) {
  schedule s(kind::replay, seed);
  s.taken_ = std::make_shared<const trace>(std::move(taken));
  return s;
}

inline schedule schedule::all(std::uint64_t limit) {
  schedule s(kind::all, 0);
  s.limit_ = limit;
  return s;
}

/// Where a trace differs from `schedule::fifo()`, which takes place 0 in each step, and for which
/// time stands still while anything is ready: `step 3 took 2 of 5`, or `step 3 took 1 of 5 after a
/// jump`, with steps counted from 1, separated by commas. What is beyond `most` of them is only
/// counted. Empty where it differs nowhere.
CORAMFS_EXPORT std::string to_string(const trace& t, std::size_t most = 20);

}  // namespace coramfs::testing
