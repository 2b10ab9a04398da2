// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>

namespace coramfs::bench {

/// The least time of some rounds, so that the machine's other work is in none of them.
class least {
 public:
  void add(double time) noexcept { time_ = time_ == 0 ? time : std::min(time_, time); }
  double time() const noexcept { return time_; }

 private:
  double time_ = 0;
};

}  // namespace coramfs::bench
