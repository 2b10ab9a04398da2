// SPDX-License-Identifier: BSL-1.0
#include "handles/fetch_operation.hpp"

#include "core/path.hpp"
#include "tree/tree.hpp"
#include "tree/volume_state.hpp"

#include <new>
#include <utility>

namespace coramfs::detail {

progress fetch_operation::advance() noexcept {
  progress p = progress::done;
  if (stage_ == stage::looks && !look(p)) return p;
  while (stage_ == stage::makes)
    if (!make(p)) return p;
  return wait_for_first_byte();
}

// Returns whether it goes on with another stage.
bool fetch_operation::look(progress& p) noexcept {
  p = follow_operation::advance();
  if (p != progress::done) return false;
  if (has_joined()) {
    stage_ = stage::arrives;
    return true;
  }
  const auto followed = follow_operation::outcome();
  if (followed || followed.error() != errc::not_found) return false;
  stage_ = stage::makes;
  return true;
}

// The flow has a follower before anybody sees it, so that nobody who comes and goes meanwhile
// leaves it alone.
result<void> fetch_operation::begin_to_make() noexcept {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, path(buffer));
  name_ = negative_answers::name_of(normal.text(), volume_->tree.key());
  if (const auto answer = volume_->unfetched.find(name_, volume_->clock.now())) return *answer;
  making_.reset(new (std::nothrow) open_operation(volume_, path_.view(), open_mode::create,
                                                  make_with_, call::fetch));
  if (making_ == nullptr) return errc::out_of_memory;
  BOOST_OUTCOME_TRY(making_->make_flow());
  admission told;
  joined_ = joined_flow(*making_->flow_, most_followers_, told);
  if (!joined_) return errc::busy;
  return boost::outcome_v2::success();
}

// Returns whether it goes on with another stage.
bool fetch_operation::make(progress& p) noexcept {
  p = progress::done;
  if (making_ == nullptr) {
    if (const auto begun = begin_to_make(); !begun) {
      fail_with(begun.error());
      making_.reset();
      return false;
    }
  }
  p = making_->advance();
  if (p != progress::done) return false;
  auto made = making_->outcome();
  // Somebody else may have made it meanwhile, and failed: the answer was kept before the name was
  // free again.
  if (const auto answer = volume_->unfetched.find(name_, volume_->clock.now()); made && answer) {
    static_cast<void>(open_file(*making_).abandon(*answer));
    made = *answer;
  }
  if (made) {
    node_use use;
    {
      const tree::shared_access access(volume_->tree);
      use = node_use(*making_->node_, *volume_);
    }
    settle_in(std::move(use));
    made = begin({*making_, joined_->share(), name_});
  }
  making_.reset();
  if (made) {
    stage_ = stage::arrives;
    return true;
  }
  const error why = made.error();
  if (why != errc::already_exists) {
    fail_with(why);
    return false;
  }
  joined_.reset();
  begin_anew();
  stage_ = stage::looks;
  return look(p);
}

// A file that has no writer is there already, and so is one of which somebody has seen bytes.
progress fetch_operation::wait_for_first_byte() noexcept {
  const bool has_waited = first_byte_.has_value();
  first_byte_.reset();
  if (!has_joined()) return progress::done;
  const flow::standing now = joined_->look();
  if (now.committed > 0) return progress::done;
  if (now.state == follow_state::abandoned) fail_with(now.why);
  if (now.state != follow_state::growing || has_waited || patience().is_immediate())
    return progress::done;
  if (volume_->faults.has_policy()) {
    const auto goes_on = volume_->faults.waiting_for_lock(path_.view(), patience());
    if (!goes_on) {
      fail_with(goes_on.error());
      return progress::done;
    }
  }
  first_byte_.emplace(*joined_, 1);
  return progress::waits;
}

claim& fetch_operation::awaited() noexcept {
  if (first_byte_) return *first_byte_;
  return making_ != nullptr ? making_->awaited() : follow_operation::awaited();
}

lock_timeout fetch_operation::patience() const noexcept {
  if (stage_ == stage::looks) return follow_operation::patience();
  if (making_ != nullptr) return making_->patience();
  return options_.patience.value_or(lock_timeout::forever());
}

void fetch_operation::refuse(const error& why) noexcept {
  if (first_byte_) {
    fail_with(why);
  } else if (making_ != nullptr) {
    making_->refuse(why);
  } else {
    follow_operation::refuse(why);
  }
}

error fetch_operation::unmet() const noexcept {
  if (first_byte_) return noted(errc::timed_out);
  return making_ != nullptr ? making_->unmet() : follow_operation::unmet();
}

}  // namespace coramfs::detail
