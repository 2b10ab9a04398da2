// SPDX-License-Identifier: BSL-1.0
#include "core/reclaimer.hpp"

#include <algorithm>
#include <mutex>
#include <new>

namespace coramfs::detail {

shortage asking::begin() noexcept {
  shortage wanted;
  {
    const std::lock_guard lock(of_.mutex_);
    phase_ = phase::is_asked;
    wanted = wanted_;
  }
  quota& limits = of_.limits_;
  shortage missing{.nodes = excess(wanted.nodes, limits.available_nodes())};
  if (wanted.bytes == 0) return missing;
  missing.bytes = std::min(limits.missing(wanted.bytes), limits.taken());
  missing.least_bytes = limits.missing_next(wanted.least_bytes);
  claim_.emplace(limits, wanted.bytes);
  hold();
  has_bytes_ = claim_->enqueue(place_);
  if (!has_bytes_) return missing;
  drop();
  return {.nodes = missing.nodes};
}

// A grant may be on its way still: then it drops the hold that it stands for when it comes.
void asking::end() noexcept {
  admission told;
  grant had, unused;
  if (claim_ && !has_bytes_ && claim_->withdraw(place_, told)) {
    drop();
  } else if (claim_) {
    had = claim_->take();
  }
  claim_.reset();
  const std::lock_guard lock(of_.mutex_);
  phase_ = phase::has_ended;
  if (of_.current_ == this) of_.current_ = nullptr;
  while (!waiting_.empty()) waiting_.admit_head(told);
  if (parts_ > 0) {
    granted_ = had.keep();
  } else {
    unused = std::move(had);
  }
}

void asking_part::join(asking& of) noexcept {
  of_ = &of;
  of.hold();
  is_shared_ = of.phase_ == asking::phase::is_joined && amount_ <= UINT64_MAX - wanted();
  if (!is_shared_) return;
  wanted() += amount_;
  ++of.parts_;
  if (limit_ != errc::quota_exceeded) return;
  std::uint64_t& least = of.wanted_.least_bytes;
  least = least == 0 ? amount_ : std::min(least, amount_);
}

// The last who could have a part gives back what the others have left.
asking_part::~asking_part() {
  if (of_ == nullptr) return;
  if (is_shared_) {
    grant unused;
    const std::lock_guard lock(of_->of_.mutex_);
    if (of_->phase_ == asking::phase::is_joined && !leaves_want_) wanted() -= amount_;
    if (--of_->parts_ == 0) unused = grant(of_->of_.limits_, std::exchange(of_->granted_, 0));
  }
  of_->drop();
}

std::uint64_t& asking_part::wanted() const noexcept {
  return limit_ == errc::quota_exceeded ? of_->wanted_.bytes : of_->wanted_.nodes;
}

bool asking_part::has_ended() const noexcept {
  const std::lock_guard lock(of_->of_.mutex_);
  return of_->phase_ == asking::phase::has_ended;
}

bool asking_part::enqueue(waiter& w) noexcept {
  const std::lock_guard lock(of_->of_.mutex_);
  if (of_->phase_ == asking::phase::has_ended) return true;
  of_->waiting_.append(w, 0);
  return false;
}

bool asking_part::withdraw(waiter& w) noexcept {
  const std::lock_guard lock(of_->of_.mutex_);
  return of_->waiting_.remove(w);
}

std::uint64_t asking_part::take() noexcept {
  if (!is_shared_ || limit_ != errc::quota_exceeded) return 0;
  const std::lock_guard lock(of_->of_.mutex_);
  if (of_->granted_ < amount_) return 0;
  of_->granted_ -= amount_;
  return amount_;
}

// The hold that an asking is made with is the answerer's. One that is not wanted goes unseen.
std::unique_ptr<asking_part> reclaimer::ask(errc limit, std::uint64_t amount) noexcept {
  std::unique_ptr<asking_part> part(new (std::nothrow) asking_part(limit, amount));
  auto* const fresh = part != nullptr ? new (std::nothrow) asking(*this) : nullptr;
  if (fresh == nullptr) {
    note_failure();
    return nullptr;
  }
  bool begins = false;
  {
    const std::lock_guard lock(mutex_);
    begins = current_ == nullptr;
    if (begins) current_ = fresh;
    part->join(*current_);
  }
  if (begins) {
    start(reclaim_task(*fresh));
  } else {
    fresh->drop();
  }
  return part;
}

reclaim_task::reclaim_task(asking& of) noexcept : of_(&of) {}

reclaim_task::~reclaim_task() {
  if (of_ == nullptr) return;
  of_->end();
  of_->drop();
}

shortage reclaim_task::begin() noexcept { return of_->begin(); }

const void* reclaim_task::scope() const noexcept { return &of_->of(); }

void reclaim_task::note_failure() noexcept { of_->of().note_failure(); }

}  // namespace coramfs::detail
