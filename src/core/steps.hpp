// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/path_argument.hpp>
#include <coramfs/detail/waiting.hpp>
#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include "core/error_note.hpp"
#include "core/operation.hpp"
#include "core/step_scope.hpp"

#include <atomic>
#include <cassert>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

namespace coramfs::detail {

/// An operation that another one waits for, whatever its type is.
class inner_operation {
 public:
  virtual progress advance() noexcept = 0;
  virtual void refuse(const error& why) noexcept = 0;
  virtual claim& awaited() noexcept = 0;
  virtual lock_timeout patience() const noexcept = 0;
  virtual std::atomic<std::uint64_t>* waiting() const noexcept = 0;
  virtual error unmet() const noexcept = 0;

 protected:
  ~inner_operation() = default;
};

/// What the promises of all `steps` have in common: where the function has stopped, and for what.
class steps_state {
 public:
  static void* operator new(std::size_t size) noexcept {
    return ::operator new(size, std::nothrow);
  }
  static void operator delete(void* frame) noexcept { ::operator delete(frame); }

  std::suspend_always initial_suspend() const noexcept { return {}; }
  std::suspend_always final_suspend() const noexcept { return {}; }

  progress advance(std::coroutine_handle<> function) noexcept {
    if (inner_ != nullptr) {
      const progress p = inner_->advance();
      if (p != progress::done) return p;
      inner_ = nullptr;
    }
    stopped_at_ = progress::done;
    function.resume();
    return stopped_at_;
  }

  void refuse(const error& why) noexcept {
    if (inner_ != nullptr) return inner_->refuse(why);
    if (refusal_ != nullptr) *refusal_ = why;
  }
  const inner_operation* inner() const noexcept { return inner_; }
  inner_operation* inner() noexcept { return inner_; }

 protected:
  /// Notes what an error of the function is about.
  error noted(const error& e) const noexcept {
    return about(by_, path_ != nullptr ? path_->view() : std::string_view(), e);
  }

 private:
  friend class concerns;
  friend class turn;
  friend class turn_in_any_case;
  template <class>
  friend class finished;

  void stop(progress at, inner_operation* inner, result<void>* refusal) noexcept {
    assert(!step_scope::is_open());
    stopped_at_ = at;
    inner_ = inner;
    refusal_ = refusal;
  }

  progress stopped_at_ = progress::done;
  inner_operation* inner_ = nullptr;  // null: the function itself gives others a turn
  result<void>* refusal_ = nullptr;   // null: it does not listen
  call by_ = call::unknown;
  const path_argument* path_ = nullptr;
};

/// An operation that is written as one function, from its first step to its last: a coroutine that
/// both facades drive as they drive any other operation.
///
/// - `co_await turn()` ends a step after a slice of work, and gives others a turn;
///   `turn_in_any_case` does not listen to a cancellation meanwhile.
/// - `co_await finished(op)` runs another operation, and waits for whatever that waits for.
/// - `co_await concerns(call, path)` stands first, and says what errors of the function are about
///   whose place is not known better.
///
/// It begins with the first `advance`. What it has taken is in its local variables, whose
/// destructors give it back when the function ends, or when the operation is dropped before that.
///
/// Its frame is allocated once, when the function is called. Where that memory is refused, and
/// where the function throws `std::bad_alloc`, the outcome is `out_of_memory`.
///
/// The tree's lock may not be held at a `co_await`, as `step_scope` asserts; a file's lock may.
/// Thread safety: one thread at a time.
template <class T>
class [[nodiscard]] steps {
 public:
  class promise_type : public steps_state {
   public:
    steps get_return_object() noexcept { return steps(handle::from_promise(*this)); }
    static steps get_return_object_on_allocation_failure() noexcept { return steps(nullptr); }

    void return_value(result<T> outcome) noexcept {
      if (outcome.has_value()) {
        outcome_.emplace(std::move(outcome));
      } else {
        outcome_.emplace(noted(outcome.assume_error()));
      }
    }
    // These functions throw nothing but `std::bad_alloc`; anything else would end the program here.
    void unhandled_exception() noexcept {
      try {
        throw;
      } catch (const std::bad_alloc&) {
        outcome_.emplace(noted(errc::out_of_memory));
      }
    }
    result<T> take_outcome() noexcept { return std::move(*outcome_); }

   private:
    std::optional<result<T>> outcome_;
  };

  steps(steps&& other) noexcept : function_(std::exchange(other.function_, nullptr)) {}
  steps& operator=(steps&&) = delete;
  ~steps() {
    if (function_) function_.destroy();
  }

  progress advance() noexcept {
    return function_ ? function_.promise().advance(function_) : progress::done;
  }
  void refuse(const error& why) noexcept { function_.promise().refuse(why); }
  result<T> outcome() noexcept {
    if (!function_) return errc::out_of_memory;
    return function_.promise().take_outcome();
  }

  claim& awaited() noexcept { return function_.promise().inner()->awaited(); }
  lock_timeout patience() const noexcept { return function_.promise().inner()->patience(); }
  std::atomic<std::uint64_t>* waiting() const noexcept {
    return function_.promise().inner()->waiting();
  }
  error unmet() const noexcept { return function_.promise().inner()->unmet(); }

 private:
  using handle = std::coroutine_handle<promise_type>;

  explicit steps(handle function) noexcept : function_(function) {}

  handle function_;  // null: there was no memory for its frame
};

/// `co_await concerns(by, path)` says which call the function is, and for which path, for the texts
/// of its errors; without a path, where it has many. It ends no step. The path must live as long as
/// the function.
class [[nodiscard]] concerns {
 public:
  explicit concerns(call by) noexcept : by_(by) {}
  concerns(call by, const path_argument& path) noexcept : by_(by), path_(&path) {}

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> function) noexcept {
    steps_state& state = function.promise();
    state.by_ = by_;
    state.path_ = path_;
    return false;
  }
  void await_resume() const noexcept {}

 private:
  const call by_;
  const path_argument* const path_ = nullptr;
};

/// `co_await turn()` ends a step, so that others have a turn. Its result is the refusal that has
/// come meanwhile, which is a cancellation, if there was one.
class [[nodiscard]] turn {
 public:
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> function) noexcept {
    steps_state& state = function.promise();
    state.stop(progress::yields, nullptr, &refusal_);
  }
  result<void> await_resume() const noexcept { return refusal_; }

 private:
  result<void> refusal_ = boost::outcome_v2::success();
};

/// `co_await turn_in_any_case()` ends a step of what must be carried through, such as the undoing
/// of what was done. A refusal that comes meanwhile changes nothing.
class [[nodiscard]] turn_in_any_case {
 public:
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> function) noexcept {
    steps_state& state = function.promise();
    state.stop(progress::yields, nullptr, nullptr);
  }
  void await_resume() const noexcept {}
};

/// `co_await finished(op)` runs an operation, which must not move meanwhile, and returns its
/// outcome. A refusal that comes meanwhile is passed on to it.
template <class Operation>
class [[nodiscard]] finished final : inner_operation {
 public:
  explicit finished(Operation& op) noexcept : op_(op) {}

  bool await_ready() noexcept { return (stopped_at_ = op_.advance()) == progress::done; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> function) noexcept {
    steps_state& state = function.promise();
    state.stop(stopped_at_, this, nullptr);
  }
  auto await_resume() noexcept { return op_.outcome(); }

 private:
  progress advance() noexcept override { return op_.advance(); }
  void refuse(const error& why) noexcept override { op_.refuse(why); }
  claim& awaited() noexcept override { return op_.awaited(); }
  lock_timeout patience() const noexcept override { return op_.patience(); }
  std::atomic<std::uint64_t>* waiting() const noexcept override { return op_.waiting(); }
  error unmet() const noexcept override { return op_.unmet(); }

  Operation& op_;
  progress stopped_at_ = progress::done;
};

}  // namespace coramfs::detail
