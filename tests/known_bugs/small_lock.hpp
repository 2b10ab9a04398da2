// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/testing/timer.hpp>

#include <asio/awaitable.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <deque>
#include <string>
#include <system_error>

namespace coramfs::tests {

/// What may be wrong with a `small_lock`: what was once wrong in a lock.
enum class fault { none, lost_grant, skipped_waiter };

/// A lock for coroutines of one context as one would write it, with waits that can be cancelled.
///
/// Who releases it hands it to who has waited for longest, and wakes that one, which goes on in a
/// step to come. Until then it may be cancelled: the grant and the cancellation cross.
class small_lock {
 public:
  class wait;

  small_lock(testing::simulation& on, fault f) : on_(on), fault_(f) {}

  /// Returns whether it has the lock; it has not if `cancel` was called first. The name is for
  /// `cancel`.
  asio::awaitable<bool> acquire(std::string name) {
    if (!is_held_) {
      is_held_ = true;
      co_return true;
    }
    waiter w(on_, std::move(name));
    queue_.push_back(&w);
    all_.push_back(&w);
    asio_error_code woken;
    co_await w.wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    all_.erase(std::find(all_.begin(), all_.end(), &w));
    if (fault_ == fault::lost_grant && w.is_canceled) {
      leave(w);
      co_return false;
    }
    if (w.is_granted && !w.is_canceled) co_return true;
    if (w.is_granted) {
      if (fault_ == fault::skipped_waiter) {
        is_held_ = false;
      } else {
        release();
      }
      co_return false;
    }
    leave(w);
    co_return false;
  }

  void release() {
    if (queue_.empty()) {
      is_held_ = false;
      return;
    }
    waiter& next = *queue_.front();
    queue_.pop_front();
    next.is_granted = true;
    next.wake.cancel();
  }

  /// Ends the wait of that name, if there is one, also where it has been granted and does not know
  /// yet.
  void cancel(const std::string& name) {
    for (waiter* const w : all_) {
      if (w->name != name) continue;
      w->is_canceled = true;
      w->wake.cancel();
    }
  }

 private:
  struct waiter {
    waiter(testing::simulation& on, std::string n)
        : wake(on, testing::timer::time_point::max()), name(std::move(n)) {}

    testing::timer wake;
    const std::string name;
    bool is_granted = false;
    bool is_canceled = false;
  };

  void leave(waiter& w) {
    const auto at = std::find(queue_.begin(), queue_.end(), &w);
    if (at != queue_.end()) queue_.erase(at);
  }

  testing::simulation& on_;
  const fault fault_;
  bool is_held_ = false;
  std::deque<waiter*> queue_;  // who was not granted it
  std::deque<waiter*> all_;    // who does not know how its wait has ended
};

}  // namespace coramfs::tests
