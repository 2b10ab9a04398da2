// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/clock.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <thread>

namespace coramfs::detail {

class simulation_core;

/// Which simulation the time of a thread is that of: the one whose step the thread runs, else the
/// youngest that it has made.
///
/// Any thread may destroy a simulation, and a static one is destroyed after what is the thread's
/// own. So the simulations are in one list of the process, which is never destroyed itself.
namespace current {

/// The time of the thread's simulation, if it has one.
std::optional<std::chrono::steady_clock::time_point> time() noexcept;

/// The clock of the thread's simulation; null if it has none.
std::shared_ptr<const clock> clock_of_thread() noexcept;

/// The thread's simulation that has this clock. Null: there is none, or none any more.
const simulation_core* simulation_by(const clock* of) noexcept;

/// A place in the list, of a simulation that the calling thread makes.
class place {
 public:
  explicit place(const simulation_core& of) noexcept;
  place(const place&) = delete;
  place& operator=(const place&) = delete;
  ~place();

 private:
  friend std::optional<std::chrono::steady_clock::time_point> time() noexcept;
  friend std::shared_ptr<const clock> clock_of_thread() noexcept;
  friend const simulation_core* simulation_by(const clock* of) noexcept;

  const simulation_core& of_;
  const std::thread::id thread_ = std::this_thread::get_id();
  place* older_;
};

/// The simulation whose step the thread runs, or null.
simulation_core* stepping() noexcept;

/// A step, while it lives. Steps nest, where a step runs another simulation.
class step {
 public:
  explicit step(simulation_core& of) noexcept;
  step(const step&) = delete;
  step& operator=(const step&) = delete;
  ~step();

 private:
  simulation_core* const outer_;
};

}  // namespace current

}  // namespace coramfs::detail
