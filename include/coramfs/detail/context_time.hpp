// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/export.hpp>
#include <coramfs/error.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace coramfs::detail {

/// A timer of a context that has a time of its own. Its destructor cancels what waits. The timer
/// may live longer than the context's other services, but must not be used after they are shut
/// down.
class context_timer {
 public:
  context_timer() = default;
  context_timer(const context_timer&) = delete;
  context_timer& operator=(const context_timer&) = delete;
  virtual ~context_timer() = default;

  /// Cancels what waits, and waits for another time: `then` is called once, by the context and not
  /// in this call, with true when the time has come, or with false soon after a cancellation. If
  /// the context ends before, it is destroyed uncalled. `time_point::max()` never comes. Throws
  /// `std::bad_alloc`.
  virtual void wait(std::chrono::steady_clock::time_point when, std::function<void(bool)> then) = 0;
  virtual void cancel() noexcept = 0;
};

/// Tells what an operation waits for, while it waits.
class wait_reason {
 public:
  template <class Operation>
  explicit wait_reason(const Operation& of) noexcept : operation_(&of), asks_(&asked<Operation>) {}

  /// The error of an operation that would not wait any longer, with who has the file.
  error unmet() const noexcept { return asks_->unmet(operation_); }
  /// Which lock it waits for, if that is no file's; else null.
  const void* lock() const noexcept { return asks_->lock(operation_); }

 private:
  struct questions {
    error (*unmet)(const void*) noexcept;
    const void* (*lock)(const void*) noexcept;
  };
  template <class Operation>
  static constexpr questions asked{
      [](const void* o) noexcept { return static_cast<const Operation*>(o)->unmet(); },
      [](const void* o) noexcept -> const void* {
        if constexpr (requires(const Operation& op) { op.awaited_lock(); }) {
          return static_cast<const Operation*>(o)->awaited_lock();
        } else {
          return nullptr;
        }
      }};

  const void* operation_;
  const questions* asks_;
};

/// The time of an execution context that has one of its own, as a simulation has. Whatever waits on
/// that context waits by it; on any other, waits go by the steady clock and Asio's timers.
///
/// Thread safety: as the context's own. `now` is called with locks of the library held, and `wait`
/// and `cancel` of a timer, too.
class context_time {
 public:
  virtual std::chrono::steady_clock::time_point now() const noexcept = 0;
  /// Throws `std::bad_alloc`.
  virtual std::unique_ptr<context_timer> make_timer() = 0;

  /// Called when a wait on the context begins, with locks of the library held, and when it is over:
  /// when its operation goes on, or never will, and that without any lock as well as with some. In
  /// between, and not in these calls, the reason may be asked. A context that ends tells no end of
  /// what is waiting then, and the reasons must not be asked any more.
  virtual void wait_begins(const void* waiter, const wait_reason& why) noexcept = 0;
  virtual void wait_ends(const void* waiter) noexcept = 0;

  /// Whether others are to have a turn before each operation on files that a coroutine on this
  /// context awaits, also where it would complete without suspending. So all orders of operations
  /// are orders of what is ready on the context.
  virtual bool gives_turns() const noexcept = 0;

  /// Gives a context its own time, which has to live until the context's services are destroyed.
  /// Precondition: nothing has waited on the context. Throws `std::bad_alloc`.
  CORAMFS_EXPORT static void set(asio::execution_context& context, context_time& time);
  /// The time of a context's own, or null.
  static context_time* of(asio::execution_context& context);

 protected:
  context_time() = default;
  context_time(const context_time&) = default;
  context_time& operator=(const context_time&) = default;
  ~context_time() = default;
};

}  // namespace coramfs::detail
