// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/keyed_clock.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace coramfs::detail {

/// One step of splitmix64, which mixes all bits of a number.
inline std::uint64_t mixed(std::uint64_t z) noexcept {
  z += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/// The time of a simulation, which its volumes go by, too. It begins with the year 2000, by both
/// clocks. It also has the keys of their hashes, from numbers of their own, so that one volume more
/// leaves the choices of the simulation as they are.
///
/// Thread safety: any number of threads may read it, since volumes may outlive the simulation.
class virtual_clock final : public keyed_clock {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// The seconds from 1970 to 2000.
  static constexpr time_point start{std::chrono::seconds(946'684'800)};

  explicit virtual_clock(std::uint64_t seed) noexcept : next_key_(seed) {}

  time_point steady_now() const noexcept override {
    return time_point(time_point::duration(now_.load(std::memory_order_relaxed)));
  }
  std::chrono::system_clock::time_point system_now() const noexcept override {
    return std::chrono::system_clock::time_point(
        std::chrono::duration_cast<std::chrono::system_clock::duration>(
            steady_now().time_since_epoch()));
  }
  std::uint64_t next_key() const noexcept override {
    return mixed(next_key_.fetch_add(0x9e3779b97f4a7c15, std::memory_order_relaxed));
  }
  void set(time_point to) noexcept {
    now_.store(to.time_since_epoch().count(), std::memory_order_relaxed);
  }

 private:
  std::atomic<time_point::rep> now_{start.time_since_epoch().count()};
  mutable std::atomic<std::uint64_t> next_key_;
};

}  // namespace coramfs::detail
