// SPDX-License-Identifier: BSL-1.0
#include <coramfs/testing/timer.hpp>

#include "integrations/testing/simulation_core.hpp"

#include <limits>
#include <new>
#include <utility>

namespace coramfs {

namespace detail {

// Nothing of this is touched after the call: it may be gone with the wait's slot.
void simulated_place::cancel() const { in->cancel_wait({when, number}); }

}  // namespace detail

namespace testing {

namespace {

constexpr std::size_t all = std::numeric_limits<std::size_t>::max();

}  // namespace

timer::timer(const executor_type& on)
    : core_(&coramfs::detail::simulation_core::of(on, "coramfs::testing::timer")),
      executor_(on),
      expiry_(core_->now()),
      number_(core_->new_timer()) {}

timer::timer(timer&& other) noexcept
    : core_(other.core_),
      executor_(other.executor_),
      expiry_(std::exchange(other.expiry_, other.core_->now())),
      number_(std::exchange(other.number_, other.core_->new_timer())) {}

timer& timer::operator=(timer&& other) noexcept {
  if (this == &other) return *this;
  end();
  core_ = other.core_;
  executor_ = other.executor_;
  expiry_ = std::exchange(other.expiry_, other.core_->now());
  number_ = std::exchange(other.number_, other.core_->new_timer());
  return *this;
}

timer::~timer() { end(); }

void timer::end() noexcept try { cancel(); } catch (const std::bad_alloc&) {
}

std::size_t timer::expires_at(time_point when) {
  const std::size_t canceled = cancel();
  expiry_ = when;
  return canceled;
}

std::size_t timer::expires_after(duration after) {
  const time_point now = core_->now();
  return expires_at(after > time_point::max() - now ? time_point::max() : now + after);
}

std::size_t timer::cancel() { return core_->cancel_waits(number_, all); }

std::size_t timer::cancel_one() { return core_->cancel_waits(number_, 1); }

coramfs::detail::simulated_place timer::next_place() noexcept {
  const auto key = core_->next_place(expiry_);
  return {core_, key.first, key.second};
}

void timer::begin(const coramfs::detail::simulated_place& place,
                  std::shared_ptr<coramfs::detail::simulated_wait> w) {
  core_->begin_wait({place.when, place.number}, number_, std::move(w));
}

}  // namespace testing

}  // namespace coramfs
