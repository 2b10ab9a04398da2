// SPDX-License-Identifier: BSL-1.0
#include "handles/landing.hpp"

#include "tree/volume_state.hpp"

#include <utility>

namespace coramfs::detail {

landing::landing(volume_state& v, flow_ref of, const negative& answer) noexcept
    : volume_(v), flow_(std::move(of)), answer_(answer) {
  flow_->begin_flight(*this);
}

void landing::take(open_file& ending) noexcept { landed_ = std::move(ending); }

// Others are answered before the name is free: whoever then comes anew finds the answer.
void landing::end(const result<void>& word, bool answers) noexcept {
  if (std::exchange(has_ended_, true)) return;
  flow_->end_flight();
  if (!landed_.is_open()) return;
  if (!word || !landed_.finish()) {
    const error why = word ? error(errc::abandoned) : word.error();
    if (answers) answer_others(why);
    static_cast<void>(landed_.abandon(why));
  }
  landed_.close();
}

void landing::answer_others(const error& why) const noexcept {
  if (answer_.lasts <= answer_.lasts.zero()) return;
  if (flow_->look().committed > 0 || !flow_->is_listed()) return;
  const deadline until = lock_timeout(answer_.lasts).deadline(volume_.clock.now());
  volume_.unfetched.keep(answer_.of, why, until.value_or(negative_answers::time_point::max()));
}

}  // namespace coramfs::detail
