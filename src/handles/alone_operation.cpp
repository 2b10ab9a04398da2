// SPDX-License-Identifier: BSL-1.0
#include "handles/alone_operation.hpp"

#include "handles/flow_end.hpp"

#include <utility>

namespace coramfs::detail {

alone_operation::alone_operation(volume_state& v, flow_ref of, lock_timeout linger) noexcept
    : volume_(&v), flow_(std::move(of)), linger_(linger) {}

// Somebody may come at any time, so only `take_out_alone` knows whether it is alone: whoever joins
// before that keeps the flight, and who comes later finds no file. Who comes and goes while nobody
// looks is known by the number of those who have joined.
progress alone_operation::advance() noexcept {
  const bool has_waited = claim_.has_value();
  claim_.reset();
  if (reached_ == stage::ended || !flow_->is_in_flight()) return progress::done;
  if (!has_waited) return wait(true);
  if (reached_ == stage::is_followed) {
    joins_ = flow_->joins();
    if (linger_.is_immediate()) return take_out();
    reached_ = stage::is_alone;
    return wait(false);
  }
  reached_ = stage::is_followed;
  return std::exchange(is_over_, false) ? take_out() : wait(true);
}

progress alone_operation::wait(bool until_alone) noexcept {
  claim_.emplace(*flow_, until_alone);
  return progress::waits;
}

progress alone_operation::take_out() noexcept {
  is_taken_out_ = take_out_alone(*flow_, joins_, *volume_);
  return is_taken_out_ ? progress::done : wait(true);
}

lock_timeout alone_operation::patience() const noexcept {
  return reached_ == stage::is_alone ? linger_ : lock_timeout::forever();
}

void alone_operation::refuse(const error& why) noexcept {
  if (reached_ == stage::is_alone && why == errc::timed_out) {
    is_over_ = true;
  } else {
    reached_ = stage::ended;
  }
}

}  // namespace coramfs::detail
