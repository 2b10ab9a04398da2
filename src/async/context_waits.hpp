// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/continuation.hpp>
#include <coramfs/detail/waiting.hpp>
#include <coramfs/options.hpp>

#include "async/deadline_timer.hpp"

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace coramfs::detail {

/// How a wait ended.
enum class wait_outcome : unsigned char { granted, timed_out, canceled };

class context_waits;

/// A place in a queue whose owner waits on an execution context, for one claim after another.
///
/// Whatever ends a wait, a grant, its deadline or a cancellation, hands the waiter to its executor
/// with the outcome. The death of the context abandons it instead, and passes its turn on.
///
/// A user's executor may throw, may destroy what it is given, and may run it at once though it
/// was asked not to. So it is called with no lock held, and what it refuses for lack of memory, or
/// runs inside a stranger's call, it is given again on the context itself. What it destroys, or
/// refuses for any other reason, ends as if the context had died.
///
/// Thread safety: the owner makes one call at a time. Grant, deadline, cancellation and death may
/// come from any thread at any time after `start`, and exactly one of them ends a wait: the mutex
/// of the waits decides.
class context_waiter : public waiter, public continuation::owner {
 public:
  /// Queues for `wanted`. Returns whether it is had at once; then there is no wait. All that may
  /// throw happens here, before the owner suspends: `std::bad_alloc`, or `asio_system_error` where
  /// the system has no timer for the context. The claim must live until the wait is over.
  /// `patience` is measured by the time of the context, which is told of the wait.
  /// Precondition: no wait is going on, and the context does not die during the call.
  bool start(claim& wanted, lock_timeout patience, asio::execution_context& context,
             const wait_reason& why);
  /// To be called after `start` has returned false, when the owner can be resumed. From here on
  /// exactly one of `resume` and `abandon` is called, once, perhaps before this returns.
  void suspended() noexcept;
  /// Ends the wait with `canceled`, if nothing else has ended it.
  void cancel() noexcept;

 protected:
  context_waiter() = default;
  ~context_waiter() = default;

  /// What became of a call that hands the waiter to its executor.
  enum class handed : unsigned char {
    over,  ///< it may have been resumed, and be gone
    back,  ///< it was refused for want of memory, or because it would have run in the call
    lost,  ///< the executor does not want it
  };
  /// Hands the waiter to its executor, also where it has not waited but wants a turn. With
  /// `may_run` the executor may run it within this call, and what it throws then comes out of here.
  handed hand_over(bool may_run);

  /// How the wait ended. `resume` has to call it first, after a wait.
  wait_outcome take_outcome() noexcept;
  /// Ends a wait whose owner will never run, and gives back what it may have been granted.
  void give_back() noexcept;

 private:
  friend class context_waits;

  /// Posts to the waiter's executor.
  virtual void submit(continuation rest) = 0;
  /// Goes on, on that executor.
  virtual void resume() = 0;
  /// Destroys the handler without calling it, and with it perhaps this object.
  virtual void abandon() noexcept = 0;

  class handing;
  void run() final;
  void dropped() noexcept final;
  void granted() noexcept final;

  using deadline_hook = boost::intrusive::set_member_hook<boost::intrusive::optimize_size<true>>;

  claim* claim_ = nullptr;
  deadline until_;
  std::shared_ptr<context_waits> waits_;

  // Guarded by the mutex of waits_.
  boost::intrusive::list_member_hook<> in_list_;
  deadline_hook in_deadlines_;
  wait_outcome outcome_ = wait_outcome::canceled;
  bool is_granted_ = false;  // a grant has arrived while the context was dying

  /// Of the suspension of the owner and the end of its wait, the one that comes second hands the
  /// waiter on.
  enum class phase : unsigned char { begins, is_suspended, has_ended };
  std::atomic<phase> phase_{phase::begins};
};

/// All waits of one execution context. Through them the waiters are found when the context dies,
/// and one timer serves all their deadlines.
///
/// Nothing here uses a waiter's executor: the timer's handlers run wherever the context itself
/// runs its timers, be its users' strands as busy as they like. That is on the threads that run
/// an `asio::io_context` or a pool, and on a thread of Asio's own for any other context.
///
/// Locks: one mutex guards all of it, but for a waiter's counting itself out. Under it the mutex of
/// the queue that is waited in may be taken, a lock's or the quota's, and Asio's own of its timers;
/// it is taken under none of them. No waiter is told and no executor is called under it. A context
/// that dies waits for the executors that are just being called.
///
/// Invariant: while anybody waits, or has not yet run, a handler of the timer is pending. So there
/// is always something to be run on the context, which needs no memory any more, to try again what
/// an executor has refused; and the context does not run out of work.
///
/// A waiter is in a list until it is handed on, and among the deadlines until it runs. So while a
/// lock is steadily handed over some deadline is always there, and the timer is never touched.
///
/// Lifetime: shared by the context's service and by the waiters, since the last of them may end
/// after the context.
class context_waits : public std::enable_shared_from_this<context_waits> {
 public:
  using time_point = deadline_timer::time_point;

  explicit context_waits(asio::execution_context& context) : timer_(context) {}

  static std::shared_ptr<context_waits> of(asio::execution_context& context);

  /// Whether the context is dying, or has died.
  bool is_closed() noexcept {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

  /// The time that deadlines of the context go by.
  time_point now() const noexcept { return timer_.now(); }

  /// Called by `context_waiter` alone. `start` returns whether the claim is had at once; `leave` is
  /// for a waiter that has run, or never will.
  bool start(context_waiter& w, const wait_reason& why);
  void cancel(context_waiter& w) noexcept;
  void grant(context_waiter& w) noexcept;
  void hand_on_suspended(context_waiter& w) noexcept;
  void leave(context_waiter& w) noexcept;

  /// Called when the context dies: abandons all waiters.
  void shutdown() noexcept;

 private:
  struct earlier {
    bool operator()(const context_waiter& a, const context_waiter& b) const noexcept {
      return *a.until_ < *b.until_;
    }
  };
  using waiter_list = boost::intrusive::list<
      context_waiter,
      boost::intrusive::member_hook<context_waiter, boost::intrusive::list_member_hook<>,
                                    &context_waiter::in_list_>>;
  using deadline_set = boost::intrusive::multiset<
      context_waiter, boost::intrusive::compare<earlier>,
      boost::intrusive::member_hook<context_waiter, context_waiter::deadline_hook,
                                    &context_waiter::in_deadlines_>>;

  /// A call of an executor, which the context has to outlive.
  class calling;

  bool end(context_waiter& w, wait_outcome outcome) noexcept;
  void hand_on(context_waiter& w) noexcept;
  bool keep_back(context_waiter& w, time_point until) noexcept;
  void wake() noexcept;
  void count_out(context_waiter& w) noexcept;

  void tick(bool has_come);
  void expire(admission& others) noexcept;
  void hand_on_all(std::unique_lock<std::mutex>& lock);
  time_point next_deadline() const noexcept;
  void arm(time_point when);
  bool try_arm(time_point when) noexcept;
  void rearm(std::unique_lock<std::mutex>& lock, time_point when) noexcept;
  void cancel_timer() noexcept;
  void shutdown_waiting(std::unique_lock<std::mutex>& lock) noexcept;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::condition_variable ended_;  // tells of the end of an executor's call, or of a grant
  bool closed_ = false;            // the context is dying: nobody begins to wait any more
  bool is_over_ = false;           // handed_back_ is not looked at any more
  waiter_list waiting_;
  waiter_list handed_back_;
  deadline_set deadlines_;
  deadline_timer timer_;                 // its `now` needs no lock
  std::optional<time_point> armed_for_;  // empty if the timer was cancelled since
  std::size_t pending_ = 0;              // handlers of the timer, cancelled ones included
  time_point retry_at_;                  // means something while handed_back_ is not empty

  // Waiters that wait or have not yet run. It goes up, and down to 0, under the mutex.
  std::atomic<std::size_t> count_{0};

  static constexpr std::size_t closing = ~(~std::size_t{0} >> 1);
  std::atomic<std::size_t> calls_{0};  // executors being called; `closing`: the context is dying
};

}  // namespace coramfs::detail
