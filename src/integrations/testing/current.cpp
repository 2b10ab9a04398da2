// SPDX-License-Identifier: BSL-1.0
#include "integrations/testing/current.hpp"

#include <coramfs/testing/clock.hpp>

#include "integrations/testing/simulation_core.hpp"

#include <mutex>

namespace coramfs::detail::current {

namespace {

constinit std::mutex mutex;
constinit place* youngest = nullptr;  // guarded by mutex
constinit thread_local simulation_core* in_step = nullptr;

}  // namespace

std::optional<std::chrono::steady_clock::time_point> time() noexcept {
  if (in_step != nullptr) return in_step->now();
  const std::lock_guard lock(mutex);
  for (const place* p = youngest; p != nullptr; p = p->older_)
    if (p->thread_ == std::this_thread::get_id()) return p->of_.now();
  return std::nullopt;
}

std::shared_ptr<const clock> clock_of_thread() noexcept {
  if (in_step != nullptr) return in_step->clock;
  const std::lock_guard lock(mutex);
  for (const place* p = youngest; p != nullptr; p = p->older_)
    if (p->thread_ == std::this_thread::get_id()) return p->of_.clock;
  return nullptr;
}

const simulation_core* simulation_by(const clock* of) noexcept {
  const std::lock_guard lock(mutex);
  for (const place* p = youngest; p != nullptr; p = p->older_)
    if (p->thread_ == std::this_thread::get_id() && p->of_.clock.get() == of) return &p->of_;
  return nullptr;
}

place::place(const simulation_core& of) noexcept : of_(of) {
  const std::lock_guard lock(mutex);
  older_ = youngest;
  youngest = this;
}

place::~place() {
  const std::lock_guard lock(mutex);
  place** at = &youngest;
  while (*at != this) at = &(*at)->older_;
  *at = older_;
}

simulation_core* stepping() noexcept { return in_step; }

step::step(simulation_core& of) noexcept : outer_(in_step) { in_step = &of; }

step::~step() { in_step = outer_; }

}  // namespace coramfs::detail::current

namespace coramfs::testing {

clock::time_point clock::now() noexcept {
  const auto simulated = coramfs::detail::current::time();
  return simulated ? *simulated : std::chrono::steady_clock::now();
}

}  // namespace coramfs::testing
