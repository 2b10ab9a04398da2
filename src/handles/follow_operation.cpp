// SPDX-License-Identifier: BSL-1.0
#include "handles/follow_operation.hpp"

#include "core/pace.hpp"
#include "core/path.hpp"
#include "tree/tree.hpp"
#include "tree/volume_state.hpp"

#include <algorithm>

namespace coramfs::detail {

follow_operation::follow_operation(std::shared_ptr<volume_state> v, path_argument path,
                                   const follow_options& options, call by,
                                   std::uint32_t most_followers) noexcept
    : open_operation(std::move(v), std::move(path), open_mode::read, {.timeout = options.patience},
                     by),
      most_followers_(most_followers),
      options_(options) {}

// A writer that lets others follow may come between the look and the attempt to get the lock, so it
// is looked again before anything is waited for. One that has finished has its lock for a moment
// longer than others may join it: who may not wait tries again until that is over.
progress follow_operation::advance() noexcept {
  if (joined_ || refused_) return progress::done;
  if (!has_waited_ && join()) return progress::done;
  const progress p = open_operation::advance();
  if (p == progress::waits && !std::exchange(has_waited_, true) && join()) return progress::done;
  const bool is_refused = p == progress::done && !open_operation::outcome();
  if (!is_refused || open_operation::outcome().error() != errc::would_block || join()) return p;
  if (!is_settling_) return p;
  is_settling_ = false;
  begin_anew();
  return progress::yields;
}

void follow_operation::begin_anew() noexcept {
  has_waited_ = false;
  wanted_.reached = stage::checks;
  now_.emplace<content_filler>();
}

// Returns whether it has come to an end by that.
bool follow_operation::join() noexcept {
  path_buffer buffer;
  const auto normal = path(buffer);
  if (!normal) return false;
  node_use use;
  {
    admission told;  // when the lock is free
    const tree::shared_access access(volume_->tree);
    file_node* const file = volume_->tree.find_file(normal.value());
    if (file == nullptr) return false;
    is_settling_ = is_settling_ || file->is_settling;
    if (!file->is_followable) return false;
    joined_ = joined_flow(volume_->tree.flows().find(*file), most_followers_, told);
    if (joined_) use = node_use(*file, *volume_);
  }
  if (joined_) {
    settle_in(std::move(use));
  } else {
    refused_ = noted(errc::busy);
  }
  return true;
}

void follow_operation::settle_in(node_use use) noexcept {
  use_ = std::move(use);
  use_.make_handle();
  now_.emplace<content_filler>();
  let_go();
}

void follow_operation::fail_with(const error& why) noexcept {
  joined_.reset();
  use_.release();
  refused_ = noted(why);
}

result<void> follow_operation::outcome() const noexcept {
  if (refused_) return *refused_;
  if (joined_) return boost::outcome_v2::success();
  return open_operation::outcome();
}

progress arrival_operation::advance() noexcept {
  claim_.reset();
  if (!status_) return progress::done;
  const auto missing = of_.missing(at_most_);
  if (!missing) {
    status_ = of_.noted(by_, missing.error());
    return progress::done;
  }
  if (!missing.value()) return progress::done;
  if (const auto goes_on = of_.ask_waiting(); !goes_on) {
    status_ = of_.noted(by_, goes_on.error());
    return progress::done;
  }
  claim_.emplace(of_.waits_for(), *missing.value());
  return progress::waits;
}

void arrival_operation::refuse(const error& why) noexcept {
  if (claim_) status_ = of_.noted(by_, why);
}

progress read_next_operation::advance() noexcept {
  if (!reads_) {
    if (to_.empty()) return progress::done;
    if (const progress p = arrival_operation::advance(); p != progress::done) return p;
    reads_ = true;
  }
  if (!status_) return progress::done;
  const auto slice = to_.subspan(count_, std::min<std::uint64_t>(to_.size() - count_, slice_size));
  const auto count = of_.read(count_, slice);
  if (!count) {
    status_ = count.error();
    return progress::done;
  }
  count_ += count.value();
  if (count.value() == slice.size() && count_ < to_.size()) return progress::yields;
  of_.pass(count_);
  return progress::done;
}

void read_next_operation::refuse(const error& why) noexcept {
  if (!reads_) return arrival_operation::refuse(why);
  status_ = of_.noted(call::read, why);
}

result<std::size_t> read_next_operation::outcome() noexcept {
  if (!status_) return status_.error();
  if (to_.empty()) return of_.read(0, to_);
  return count_;
}

}  // namespace coramfs::detail
