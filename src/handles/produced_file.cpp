// SPDX-License-Identifier: BSL-1.0
#include "handles/produced_file.hpp"

#include "tree/volume_state.hpp"

#include <exception>
#include <utility>

namespace coramfs::detail {

produced_file::produced_file(volume_state& v, flow_ref of, const negative& answer) noexcept
    : volume_(v), flow_(std::move(of)), answer_(answer), unwinding_(std::uncaught_exceptions()) {
  flow_->begin_flight(*this);
}

void produced_file::take_over(open_file& orphan) noexcept {
  orphan_ = std::move(orphan);
  is_cut_off_ = std::uncaught_exceptions() > unwinding_;
}

// Others are answered before the name is free: whoever then comes anew finds the answer.
void produced_file::end(const result<void>& word, bool answers) noexcept {
  if (std::exchange(has_ended_, true)) return;
  flow_->end_flight();
  if (!orphan_.is_open()) return;
  if (!word || is_cut_off_ || !orphan_.finish()) {
    const error why = word ? error(errc::abandoned) : word.error();
    if (answers) answer_others(why);
    static_cast<void>(orphan_.abandon(why));
  }
  orphan_.close();
}

void produced_file::answer_others(const error& why) const noexcept {
  if (answer_.lasts <= answer_.lasts.zero()) return;
  if (flow_->look().committed > 0 || !flow_->is_listed()) return;
  const deadline until = lock_timeout(answer_.lasts).deadline(volume_.clock.now());
  volume_.unfetched.keep(answer_.of, why, until.value_or(negative_answers::time_point::max()));
}

}  // namespace coramfs::detail
