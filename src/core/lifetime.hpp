// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace coramfs::detail {

/// How long an object lives: until its owner has let go of it, and every hold has ended.
///
/// Holds are counted in lanes, so that those who come and go at the same time in many threads do
/// not all write to one word. Whoever has a hold may add another one in the same lane, and whoever
/// knows that the owner is still there may add one in any lane.
///
/// Invariant: a lane is closed when the owner has gone and nobody is in it; the last lane that
/// closes ends the object.
///
/// Thread safety: all members may be called from many threads at once; no lock is taken.
class lifetime {
 public:
  /// What a hold is for. Handles are counted by themselves, because their number is asked for.
  enum class by : unsigned char { handle, pin };

  lifetime() = default;
  lifetime(const lifetime&) = delete;
  lifetime& operator=(const lifetime&) = delete;

  void add(by what, std::size_t lane) noexcept {
    lanes_[lane % lanes].count.fetch_add(weight(what), std::memory_order_relaxed);
  }
  /// The object may have ended on return.
  void drop(by what, std::size_t lane) noexcept {
    const std::uint64_t one = weight(what);
    const std::uint64_t before =
        lanes_[lane % lanes].count.fetch_sub(one, std::memory_order_acq_rel);
    if (before == (orphaned | one)) close_lane();
  }
  /// Adds holds for blocks that were lent to another object, in a lane of their own. Whoever adds
  /// them has one, or knows that the owner is still there.
  void add_loans(std::uint64_t count) noexcept {
    lanes_[loan_lane].count.fetch_add(count, std::memory_order_relaxed);
  }
  /// The object may have ended on return.
  void drop_loan() noexcept {
    const std::uint64_t before = lanes_[loan_lane].count.fetch_sub(1, std::memory_order_acq_rel);
    if (before == (orphaned | 1)) close_lane();
  }
  /// Whether there are such holds.
  bool has_loans() const noexcept {
    return (lanes_[loan_lane].count.load(std::memory_order_acquire) & ~orphaned) != 0;
  }
  /// Called once. The object may have ended on return.
  void drop_owner() noexcept;

  std::uint64_t handles() const noexcept;
  std::uint64_t pins() const noexcept;

 protected:
  ~lifetime() = default;

 private:
  virtual void end() noexcept = 0;

  // A lane's count has the handles in its lower half, the pins above them, and in its highest bit
  // whether the owner has gone.
  static constexpr std::uint64_t one_handle = 1, one_pin = std::uint64_t{1} << 32,
                                 orphaned = std::uint64_t{1} << 63;
  static constexpr std::size_t lanes = 8, cache_line = 64;

  static constexpr std::uint64_t weight(by what) noexcept {
    return what == by::handle ? one_handle : one_pin;
  }
  void close_lane() noexcept;

  struct alignas(cache_line) lane_count {
    std::atomic<std::uint64_t> count{0};
  };
  static constexpr std::size_t loan_lane = lanes;
  std::array<lane_count, lanes + 1> lanes_;
  std::atomic<std::size_t> open_lanes_{lanes + 1};
};

/// Keeps an object alive, as a pin does, until it is destroyed.
class life_hold {
 public:
  life_hold() noexcept = default;
  life_hold(lifetime& of, std::size_t lane) noexcept : of_(&of), lane_(lane) {
    of.add(lifetime::by::pin, lane);
  }
  life_hold(life_hold&& other) noexcept
      : of_(std::exchange(other.of_, nullptr)), lane_(other.lane_) {}
  life_hold& operator=(life_hold&& other) noexcept {
    std::swap(of_, other.of_);
    std::swap(lane_, other.lane_);
    return *this;
  }
  ~life_hold() {
    if (of_ != nullptr) of_->drop(lifetime::by::pin, lane_);
  }

 private:
  lifetime* of_ = nullptr;
  std::size_t lane_ = 0;
};

}  // namespace coramfs::detail
