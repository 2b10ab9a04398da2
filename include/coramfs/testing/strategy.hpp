// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/testing/schedule.hpp>

#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace coramfs::testing {

/// Which schedule `explore` runs for each seed.
class strategy {
 public:
  /// What serves where nothing is known of the bug. Seed 0 is `fifo`, which also shows how many
  /// steps with a choice the body has; odd ones are `uniform`, and even ones in turn `pct` of depth
  /// 3 and 2, with that number.
  strategy() = default;
  /// The schedule that a function returns for a seed: `schedule::uniform`, or
  /// `[](std::uint64_t seed) { return schedule::pct(seed, 4); }`.
  template <class Function>
  requires std::is_invocable_r_v<schedule, Function&, std::uint64_t> strategy(Function by_seed)
      : by_seed_(std::move(by_seed)) {}
  /// The same one for all seeds, so there is one run for `fifo` and `replay`. With `schedule::all`
  /// there are as many as there are orders, up to its limit.
  strategy(schedule always) : always_(std::move(always)) {}

  /// Whether it is the mix that no other was chosen for.
  bool is_mix() const noexcept { return !by_seed_ && !always_; }
  /// The one for all seeds, if there is one.
  const std::optional<schedule>& always() const noexcept { return always_; }
  /// The one for a seed. `steps` is how many steps with a choice a run has, or 0 if that is not
  /// known.
  CORAMFS_EXPORT schedule of(std::uint64_t seed, std::uint32_t steps) const;

 private:
  std::function<schedule(std::uint64_t)> by_seed_;
  std::optional<schedule> always_;
};

}  // namespace coramfs::testing
