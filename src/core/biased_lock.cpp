// SPDX-License-Identifier: BSL-1.0
#include "core/biased_lock.hpp"

#include <chrono>

namespace coramfs::detail {

namespace {

// The bias is given after so many shared holds without an exclusive one, and one more for each lane
// in use: taking it away looks at every lane, so it must not come and go often.
constexpr unsigned enough_undisturbed = 16;
constexpr int lane_looks = 200;

}  // namespace

void biased_lock::note_undisturbed() noexcept {
  const unsigned undisturbed = undisturbed_.load(std::memory_order_relaxed) + 1;
  undisturbed_.store(undisturbed, std::memory_order_relaxed);
  if (undisturbed >= enough_undisturbed + lanes_in_use() &&
      !is_biased_.load(std::memory_order_relaxed))
    is_biased_.store(true, std::memory_order_seq_cst);
}

void biased_lock::revoke() noexcept {
  is_biased_.store(false, std::memory_order_seq_cst);
  for (unsigned i = 0, end = lanes_in_use(); i < end; ++i) await_left(lanes_[i]);
}

void biased_lock::await_left(const lane_mark& lane) noexcept {
  const auto is_left = [&] { return !lane.is_held.load(std::memory_order_seq_cst); };
  for (int i = 0; i < lane_looks; ++i) {
    if (is_left()) return;
    spin_pause();
  }
  // The thread of this lane was stopped while it held it. When it leaves it looks whether the bias
  // has gone, without the fence that would make sure that it sees so. If it does not, it tells
  // nobody, so this looks by itself from time to time.
  constexpr std::chrono::milliseconds untold(1);
  std::unique_lock lock(mutex_);
  while (!is_left()) left_.wait_for(lock, untold);
}

void biased_lock::tell_left() noexcept {
  const std::lock_guard lock(mutex_);
  left_.notify_one();
}

}  // namespace coramfs::detail
