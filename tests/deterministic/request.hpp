// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/error.hpp>
#include <coramfs/options.hpp>

#include "deterministic/staged_context.hpp"
#include "support/seeds.hpp"

#include <asio/cancellation_signal.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace coramfs::tests {

/// One operation that may have to wait, and what has befallen it.
struct request {
  std::uint64_t number = 0;
  std::size_t context = 0;
  bool is_exclusive = false;
  std::uint64_t wanted = 0;  ///< bytes
  lock_timeout patience = lock_timeout::forever();
  std::string path = {};
  asio::cancellation_signal signal = {};

  bool has_handler = false;  ///< no coroutine: if it ends at once, that is seen only later
  bool is_to_begin = false;  ///< its coroutine is spawned, and has not had its first step
  bool has_begun = false;    ///< it asked for what it wants
  bool has_ended = false;
  bool is_dead = false;       ///< with its context
  bool has_waited = false;    ///< a step ended while it waited
  bool is_canceled = false;   ///< it was told, and may not have heard yet
  bool is_late = false;       ///< time has passed, and it may not have heard yet
  bool must_succeed = false;  ///< it has been granted what it wants

  /// Whether it may leave without what it wants.
  bool may_leave() const noexcept { return is_canceled || is_over(true); }
  /// It leaves by the next time that time passes, or much time: a timer that is ready already may
  /// take it along.
  bool is_over(bool much) const noexcept {
    const auto end = patience.deadline({});
    const auto passed = much ? staged_context::later : staged_context::soon;
    return end && *end - lock_timeout::time_point() <= passed;
  }
};

/// Those who wait in one queue, in the order in which they came: what may happen to them. They
/// are told to go on in any order, so who was granted first need not be seen first.
class line {
 public:
  const std::vector<request*>& waiting() const noexcept { return waiting_; }
  bool empty() const noexcept { return waiting_.empty(); }
  request& head() const { return *waiting_.front(); }

  void join(request& r) {
    r.has_begun = true;
    waiting_.push_back(&r);
  }

  /// It has what it wants. `conflicts(a, b)`: both can not have it at once.
  template <class Conflicts>
  void succeed(request& r, Conflicts conflicts) {
    for (request* const before : waiting_) {
      if (before == &r) break;
      if (before->may_leave()) continue;
      require(!conflicts(*before, r), "nobody is overtaken");
      // Who came later waited and was served, so it was served too.
      if (r.has_waited && !r.has_handler && !before->has_handler) before->must_succeed = true;
    }
    leave(r);
  }

  /// It has failed.
  void fail(request& r, const error& why) {
    require(!r.must_succeed, "what was granted is not taken away");
    if (why == errc::timed_out) {
      require(r.is_over(true), "a wait ends when its time is over");
    } else if (why == errc::canceled) {
      require(r.is_canceled, "only a cancellation cancels");
    } else {
      require(!r.has_waited || r.has_handler, "one who waits is not refused");
    }
    leave(r);
  }

  void leave(request& r) {
    r.has_ended = true;
    waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &r));
  }

  void step_ended() {
    for (request* const r : waiting_) r->has_waited = true;
  }
  void time_passed(bool much) {
    for (request* const r : waiting_) r->is_late = r->is_late || r->is_over(much);
  }
  void check_quiet() const {
    for (const request* const r : waiting_) {
      require(!r->is_canceled && !r->is_late, "who is cancelled or late leaves");
      require(!r->must_succeed, "who was granted what it wants goes on");
    }
  }

 private:
  std::vector<request*> waiting_;
};

}  // namespace coramfs::tests
