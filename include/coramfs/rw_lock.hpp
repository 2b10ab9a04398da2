// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/completion.hpp>
#include <coramfs/detail/fair_lock.hpp>
#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include <chrono>
#include <type_traits>
#include <utility>

namespace coramfs {

namespace detail {
template <class Hold>
class lock_operation;
}

/// An exclusive hold of an `rw_lock`, which its destructor releases. Move-only; a moved-from one
/// holds nothing.
///
/// Lifetime: the lock must outlive it.
///
/// Thread safety: one call at a time; it may be released in another thread than it was acquired in.
class unique_hold {
 public:
  /// Holds nothing.
  unique_hold() noexcept = default;
  /// Whether it holds the lock.
  explicit operator bool() const noexcept { return static_cast<bool>(hold_); }
  /// Releases the lock, if it is held.
  void release() noexcept { hold_.release(); }

 private:
  friend class detail::lock_operation<unique_hold>;
  explicit unique_hold(detail::lock_hold&& hold) noexcept : hold_(std::move(hold)) {}
  detail::lock_hold hold_;
};

/// A shared hold of an `rw_lock`, which its destructor releases. Move-only; a moved-from one holds
/// nothing.
///
/// Lifetime: the lock must outlive it.
///
/// Thread safety: one call at a time; it may be released in another thread than it was acquired in.
class shared_hold {
 public:
  /// Holds nothing.
  shared_hold() noexcept = default;
  /// Whether it holds the lock.
  explicit operator bool() const noexcept { return static_cast<bool>(hold_); }
  /// Releases the lock, if it is held.
  void release() noexcept { hold_.release(); }

 private:
  friend class detail::lock_operation<shared_hold>;
  explicit shared_hold(detail::lock_hold&& hold) noexcept : hold_(std::move(hold)) {}
  detail::lock_hold hold_;
};

/// A fair reader-writer lock that threads and coroutines wait for in one queue.
///
/// First come, first served: whoever finds the lock taken, or others waiting, goes to the end of
/// the queue. A release hands the lock to the head of the queue: one writer, or all readers up to
/// the next writer. So neither kind can starve the other. It is neither re-entrant nor upgradable.
///
/// It is a SharedTimedLockable and a TimedLockable: `std::unique_lock` and `std::shared_lock` work
/// on it, with a timeout too.
///
/// Lifetime: it must outlive its holds and its waiters.
///
/// Thread safety: all members may be called from many threads and coroutines at once. An `unlock`
/// resumes nobody inside itself.
///
///     coramfs::rw_lock lock;
///     auto hold = co_await lock.acquire(std::chrono::seconds(1));
///     if (!hold) co_return hold.error();
class rw_lock {
 public:
  rw_lock() = default;

  /// Takes the lock if that is possible at once and passes nobody who waits. Returns whether it
  /// did.
  /// @{
  bool try_lock() noexcept { return lock_.try_lock(kind::exclusive); }
  bool try_lock_shared() noexcept { return lock_.try_lock(kind::shared); }
  /// @}

  /// Releases the lock, from any thread. Precondition, asserted in debug builds: it is held
  /// exclusively, or for `unlock_shared` shared.
  /// @{
  void unlock() noexcept { lock_.unlock(kind::exclusive); }
  void unlock_shared() noexcept { lock_.unlock(kind::shared); }
  /// @}

  /// Blocks the calling thread until it has the lock, however long that takes.
  /// @{
  void lock() noexcept { lock_.lock(kind::exclusive); }
  void lock_shared() noexcept { lock_.lock(kind::shared); }
  /// @}

  /// Blocks the calling thread until it has the lock or `longest` has passed, which is never told
  /// early. Returns whether it has the lock.
  /// @{
  bool lock_for(lock_timeout longest) noexcept { return lock_for(kind::exclusive, longest); }
  bool lock_shared_for(lock_timeout longest) noexcept { return lock_for(kind::shared, longest); }
  /// @}

  /// The same by the names of `std::shared_timed_mutex`, so that `std::unique_lock(lock, 1s)` and
  /// `std::shared_lock(lock, time_point)` work.
  /// @{
  template <class Rep, class Period>
  bool try_lock_for(const std::chrono::duration<Rep, Period>& longest) noexcept {
    return lock_for(longest);
  }
  template <class Rep, class Period>
  bool try_lock_shared_for(const std::chrono::duration<Rep, Period>& longest) noexcept {
    return lock_shared_for(longest);
  }
  template <class Clock, class Duration>
  bool try_lock_until(const std::chrono::time_point<Clock, Duration>& end) {
    return lock_until(kind::exclusive, end);
  }
  template <class Clock, class Duration>
  bool try_lock_shared_until(const std::chrono::time_point<Clock, Duration>& end) {
    return lock_until(kind::shared, end);
  }
  /// @}

  /// Takes the lock, and waits for it without blocking a thread, behind all who came before. It
  /// completes without suspending if the lock is free, and resumes after a wait on the awaiting
  /// coroutine's executor, never inside another's `unlock`.
  ///
  /// Cancellation: total, partial and terminal end the wait, as far as the coroutine's filter lets
  /// them through. A grant that crosses a cancellation is had or passed on, and never lost.
  ///
  /// Errors: `would_block` if it is not free, with `lock_timeout::immediate()`; `timed_out`, never
  /// early; `canceled`; `out_of_memory`, or the system's error, where Asio can not make the wait.
  /// None of them leaves a waiter or a hold.
  /// @{
  CORAMFS_EXPORT asio::awaitable<result<unique_hold>> acquire(
      lock_timeout longest = lock_timeout::forever());
  CORAMFS_EXPORT asio::awaitable<result<shared_hold>> acquire_shared(
      lock_timeout longest = lock_timeout::forever());
  /// @}

  /// `acquire` and `acquire_shared` for any completion token, before which the timeout may be left
  /// out, with the completion signatures `void(result<unique_hold>)` and
  /// `void(result<shared_hold>)`; for `asio::use_awaitable` they are the coroutines. Errors: as
  /// those.
  ///
  /// The operation begins when the token's initiation runs, and waits on the context of the
  /// handler's associated executor, or of the system executor. The handler is called on its
  /// associated executor, and within the initiation only where it has associated an immediate
  /// executor that does so. All cancellation types end a wait. A hold that the handler does not
  /// take is released. Memory comes from the associated allocator, whose exceptions pass through
  /// the initiation.
  /// @{
  template <asio::completion_token_for<void(result<unique_hold>)> Token>
  auto acquire(Token&& token) {
    return acquire(lock_timeout::forever(), std::forward<Token>(token));
  }
  template <asio::completion_token_for<void(result<unique_hold>)> Token>
  auto acquire(lock_timeout longest, Token&& token) {
    if constexpr (detail::is_coroutine_token<Token>) {
      return acquire(longest);
    } else {
      return asio::async_initiate<Token, void(result<unique_hold>)>(initiate<unique_hold>(lock_),
                                                                    token, longest);
    }
  }
  template <asio::completion_token_for<void(result<shared_hold>)> Token>
  auto acquire_shared(Token&& token) {
    return acquire_shared(lock_timeout::forever(), std::forward<Token>(token));
  }
  template <asio::completion_token_for<void(result<shared_hold>)> Token>
  auto acquire_shared(lock_timeout longest, Token&& token) {
    if constexpr (detail::is_coroutine_token<Token>) {
      return acquire_shared(longest);
    } else {
      return asio::async_initiate<Token, void(result<shared_hold>)>(initiate<shared_hold>(lock_),
                                                                    token, longest);
    }
  }
  /// @}

 private:
  using kind = detail::fair_lock::kind;

  CORAMFS_EXPORT static void start(detail::completion<result<unique_hold>>& to,
                                   detail::fair_lock& lock, lock_timeout longest);
  CORAMFS_EXPORT static void start(detail::completion<result<shared_hold>>& to,
                                   detail::fair_lock& lock, lock_timeout longest);
  template <class Hold>
  class initiate {
   public:
    explicit initiate(detail::fair_lock& lock) noexcept : lock_(lock) {}

    template <class Handler>
    void operator()(Handler&& handler, lock_timeout longest) const {
      using completion = detail::handler_completion<std::decay_t<Handler>, result<Hold>>;
      const asio::any_io_executor executor = detail::io_executor_of(handler);
      start(completion::make(std::forward<Handler>(handler), executor), lock_, longest);
    }

   private:
    detail::fair_lock& lock_;
  };

  bool lock_for(kind k, lock_timeout longest) noexcept {
    if (longest.is_immediate()) return lock_.try_lock(k);
    return lock_.lock(k, longest.deadline(std::chrono::steady_clock::now()));
  }
  // Another clock than the steady one may be set back meanwhile: then the wait goes on.
  template <class Clock, class Duration>
  bool lock_until(kind k, const std::chrono::time_point<Clock, Duration>& end) {
    // No clock's times are too far apart for these.
    using seconds = std::chrono::duration<long double>;
    for (;;) {
      const seconds left =
          seconds(end.time_since_epoch()) - seconds(Clock::now().time_since_epoch());
      if (lock_for(k, left)) return true;
      if (left <= left.zero()) return false;
    }
  }

  detail::fair_lock lock_;
};

}  // namespace coramfs
