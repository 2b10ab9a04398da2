// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/waiting.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/execution_context.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/steady_timer.hpp>

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

namespace coramfs::detail {

/// How a wait ended.
enum class wait_outcome : unsigned char { granted, timed_out, canceled };

class context_waits;

/// A place in a queue whose owner waits on an execution context, for one claim after another.
///
/// What ends a wait, a grant, its deadline or a cancellation, hands the waiter to its executor
/// with the outcome; the death of the context destroys it instead, and passes its turn on.
class context_waiter : public waiter {
 public:
  /// Queues. True: the claim is had at once, and nothing else is to be done. All that may throw
  /// happens here, before the owner suspends. The claim must live until the wait is over.
  /// Precondition: no wait is going on; runs on the context, which therefore does not die.
  bool start(claim& wanted, const deadline& until, const asio::any_io_executor& executor);
  /// After `start` has returned false, when the owner can be resumed. From here on exactly one
  /// of `post` and `abandon` is called, once; which may be before this returns.
  void suspended() noexcept;
  /// Ends the wait with `canceled`, if nothing else has ended it.
  void cancel() noexcept;

 protected:
  context_waiter() = default;
  ~context_waiter() = default;

  /// What is posted calls this first, then resumes with the outcome.
  wait_outcome take_outcome() noexcept;
  /// Gives back what was granted to one who will never run.
  void give_back() noexcept;

 private:
  friend class context_waits;

  /// Hands the waiter to its executor. Nothing of it is touched after this.
  virtual void post() noexcept = 0;
  /// Destroys the handler without calling it, and so perhaps this.
  virtual void abandon() noexcept = 0;
  void granted() noexcept final;

  using deadline_hook = boost::intrusive::set_member_hook<boost::intrusive::optimize_size<true>>;

  claim* claim_ = nullptr;
  deadline until_;
  std::shared_ptr<context_waits> waits_;

  // Guarded by the mutex of waits_.
  boost::intrusive::list_member_hook<> in_list_;
  deadline_hook in_deadlines_;
  wait_outcome outcome_ = wait_outcome::canceled;
  bool is_granted_ = false;  // while the context was dying

  /// Whoever comes second, its suspension or its end, hands it on.
  enum class phase : unsigned char { begins, is_suspended, has_ended };
  std::atomic<phase> phase_{phase::begins};
};

/// All waits of one execution context: it finds them when the context dies, and one timer
/// serves all their deadlines.
///
/// Locks: the mutex is taken before that of a queue, and never under it. It is held
/// while a waiter is handed to its executor, so that the context can not die meanwhile.
///
/// A waiter is in the list until it is handed on, and among the deadlines until it runs: in a
/// steady handing over of a lock some deadline is always there, and the timer is never touched.
class context_waits : public std::enable_shared_from_this<context_waits> {
 public:
  static std::shared_ptr<context_waits> of(asio::execution_context& context);

  /// Called by `context_waiter`.
  bool start(context_waiter& w, const asio::any_io_executor& executor);
  void cancel(context_waiter& w) noexcept;
  void grant(context_waiter& w) noexcept;
  void forget_deadline(context_waiter& w) noexcept;

  /// The context dies: ends all waits without a word.
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

  void add_deadline(context_waiter& w, const asio::any_io_executor& executor);
  void remove_deadline(context_waiter& w) noexcept;
  void arm(std::chrono::steady_clock::time_point when);
  void expire();
  void hand_on(context_waiter& w, wait_outcome outcome) noexcept;

  std::mutex mutex_;
  // Guarded by mutex_.
  std::condition_variable granted_;
  bool closed_ = false;
  waiter_list waiting_;
  deadline_set deadlines_;
  std::optional<asio::steady_timer> timer_;
  std::optional<std::chrono::steady_clock::time_point> armed_for_;
};

}  // namespace coramfs::detail
