// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace coramfs::detail {

/// What is there when it is awaited.
template <class T>
class made {
 public:
  explicit made(T value) noexcept : value_(std::move(value)) {}

  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  T await_resume() noexcept { return std::move(value_); }

 private:
  T value_;
};

/// A coroutine that never suspends, and so runs to its end where it is called: for a function that
/// is written once for coroutines and for threads. What it throws, its call throws.
///
/// It may await others of its kind, and what is `made`.
template <class T>
class [[nodiscard]] on_thread {
 public:
  class promise_type {
   public:
    on_thread get_return_object() noexcept { return on_thread(handle::from_promise(*this)); }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void return_value(T value) { value_.emplace(std::move(value)); }
    void unhandled_exception() noexcept { thrown_ = std::current_exception(); }

    T take() {
      if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
      return std::move(*value_);
    }

   private:
    // Constructed in place: Outcome's assignment to a failure destroys some values once too often.
    std::optional<T> value_;
    std::exception_ptr thrown_;
  };

  on_thread(on_thread&& other) noexcept : function_(std::exchange(other.function_, nullptr)) {}
  on_thread& operator=(on_thread&&) = delete;
  ~on_thread() {
    if (function_) function_.destroy();
  }

  /// What it has returned. To be called once.
  T take() { return function_.promise().take(); }

  bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  T await_resume() { return take(); }

 private:
  using handle = std::coroutine_handle<promise_type>;

  explicit on_thread(handle function) noexcept : function_(function) {}

  handle function_;
};

}  // namespace coramfs::detail
