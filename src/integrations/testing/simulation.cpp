// SPDX-License-Identifier: BSL-1.0
#include <coramfs/testing/simulation.hpp>

#include "integrations/testing/simulation_core.hpp"

#include <utility>

namespace coramfs::testing {

std::ostream& operator<<(std::ostream& to, const outcome& o) {
  return to << (o.is_stuck ? o.report : "ended");
}

stuck_error::~stuck_error() = default;

simulation::simulation(schedule how)
    : core_(std::make_unique<coramfs::detail::simulation_core>(*this, std::move(how), true)) {}

simulation::simulation(schedule how, without_turns)
    : core_(std::make_unique<coramfs::detail::simulation_core>(*this, std::move(how), false)) {}

// The services end first: they abandon what waits in coramfs. The core is there until the last of
// what that destroys has gone.
simulation::~simulation() {
  core_->end();
  shutdown();
  core_->clear();
  core_->destroy_kept();
}

void simulation::clear() {
  core_->require_outside_of_steps("clear");
  core_->end();
  shutdown();
  core_->clear();
}

void simulation::end_stuck() {
  stuck_error why(look());
  clear();
  throw why;
}

void simulation::require_own_thread() const { core_->require_alone(); }

void simulation::has_thrown(std::exception_ptr thrown) noexcept {
  core_->has_thrown(std::move(thrown));
}

simulation::time_point simulation::now() const noexcept { return core_->now(); }

std::shared_ptr<const coramfs::clock> simulation::clock() const noexcept { return core_->clock; }

volume_options simulation::options() const { return options(volume_options()); }

volume_options simulation::options(volume_options others) const {
  others.clock = clock();
  return others;
}

void simulation::advance(duration by) { core_->advance(by); }

bool simulation::is_idle() const noexcept { return core_->is_idle(); }

// What is thrown after a call that would have blocked is a consequence of that.
bool simulation::step() {
  bool has_stepped = false;
  try {
    has_stepped = core_->step();
  } catch (...) {
    if (!core_->is_blocked()) throw;
  }
  if (core_->is_blocked()) end_stuck();
  return has_stepped;
}

outcome simulation::run() {
  while (step()) continue;
  outcome o = look();
  core_->stuck_end = o.report;
  return o;
}

void simulation::check_always(std::function<void()> check) {
  core_->checks.push_back(std::move(check));
}

outcome simulation::look() const { return core_->look(); }

const trace& simulation::taken() const noexcept { return core_->taken; }

std::uint64_t simulation::seed() const noexcept { return core_->seed(); }

void simulation::keep_alive(std::shared_ptr<void> object) {
  core_->kept.push_back(std::move(object));
}

std::uint64_t simulation::fingerprint() const noexcept { return core_->fingerprint; }

void simulation::add(std::unique_ptr<coramfs::detail::simulated_task> t,
                     std::uint64_t coroutine) noexcept {
  core_->add(std::move(t), coroutine);
}

void simulation::work_begins() noexcept { core_->work.fetch_add(1, std::memory_order_relaxed); }

void simulation::work_ends() noexcept { core_->work.fetch_sub(1, std::memory_order_relaxed); }

std::uint64_t simulation::begin_coroutine(std::string_view name) {
  return core_->begin_coroutine(name);
}

void simulation::end_coroutine(std::uint64_t number) noexcept { core_->end_coroutine(number); }

}  // namespace coramfs::testing
