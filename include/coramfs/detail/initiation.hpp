// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_compat.hpp>
#include <coramfs/detail/completion.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace coramfs::detail {

/// An operation that was called with a completion token, until the token's initiation begins it.
/// What it was called with has been taken over. The type of the operation is known to the library
/// alone, so that this and the completion are compiled for each outcome, and not for each
/// operation. It is begun once, and takes no memory but its own.
template <class Outcome>
class initiation {
 public:
  using executor_type = asio::any_io_executor;

  /// `begin(completion<Outcome>&)` begins the operation, and throws what that passes through.
  template <class Begin>
  initiation(const executor_type& executor, Begin begin) noexcept
      : executor_(executor), functions_(&functions_of<Begin>) {
    static_assert(sizeof(Begin) <= sizeof(room_) && alignof(Begin) <= alignof(void*));
    static_assert(std::is_nothrow_move_constructible_v<Begin>);
    new (static_cast<void*>(room_)) Begin(std::move(begin));
  }
  initiation(initiation&& other) noexcept
      : executor_(other.executor_), functions_(other.functions_) {
    functions_->move(other.room_, room_);
  }
  initiation& operator=(initiation&&) = delete;
  ~initiation() { functions_->destroy(room_); }

  executor_type get_executor() const noexcept { return executor_; }

  /// Called by Asio, once.
  template <class Handler>
  void operator()(Handler&& handler) {
    using made = handler_completion<std::decay_t<Handler>, Outcome>;
    functions_->begin(room_, made::make(std::forward<Handler>(handler), executor_));
  }

 private:
  struct functions {
    void (*begin)(void* room, completion<Outcome>& to);
    void (*move)(void* from, void* to) noexcept;
    void (*destroy)(void* room) noexcept;
  };
  template <class Begin>
  static constexpr functions functions_of{
      [](void* room, completion<Outcome>& to) { (*static_cast<Begin*>(room))(to); },
      [](void* from, void* to) noexcept { new (to) Begin(std::move(*static_cast<Begin*>(from))); },
      [](void* room) noexcept { static_cast<Begin*>(room)->~Begin(); },
  };

  executor_type executor_;
  const functions* functions_;
  alignas(void*) std::byte room_[168];
};

/// Calls Asio with an operation's token, whose type says whether the handler may be moved.
template <class Token, class Outcome>
auto initiate(std::remove_reference_t<Token>& token, initiation<Outcome>&& operation) {
  return asio::async_initiate<Token, void(Outcome)>(std::move(operation), token);
}

/// What may be the last argument of an operation that gives a `result<T>`.
template <class Token, class T>
concept token_for = !std::is_void_v<Token> && asio::completion_token_for<Token, void(result<T>)>;

}  // namespace coramfs::detail
