// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/initiation.hpp>
#include <coramfs/pinned.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <type_traits>

namespace coramfs::detail {

/// The operations of a follower for any completion token, which is their last argument. What they
/// do, their errors and their charges are those of the coroutines, and the rule of the token is in
/// the documentation of `file_system`.
///
/// `Follower` derives from this, and has a class `later` with the same operations, which gives an
/// `initiation` of each. Where a class `Derived` of that does so once more, the token may be left
/// out, and is a `Default` then.
template <class Follower, class Default = void, class Derived = Follower>
class follower_tokens {
 public:
  template <token_for<pinned> Token = Default>
  auto next(std::size_t at_most, Token&& token = Default()) {
    return call<Token>(token, [&](auto&& on) { return on.next(at_most); });
  }
  template <token_for<pinned> Token = Default>
  auto next(Token&& token = Default()) {
    return call<Token>(token, [&](auto&& on) { return on.next(); });
  }
  template <token_for<std::size_t> Token = Default>
  auto read(asio::mutable_buffer to, Token&& token = Default()) {
    return call<Token>(token, [&](auto&& on) { return on.read(to); });
  }

 private:
  friend Derived;
  follower_tokens() = default;

  // Calls an operation on the object itself, where it is a coroutine, or else on its `later`.
  template <class Token, class Operation>
  auto call(std::remove_reference_t<Token>& token, Operation operation) {
    Follower& self = static_cast<Derived&>(*this);
    if constexpr (is_coroutine_token<Token>) {
      return operation(self);
    } else {
      return initiate<Token>(token, operation(typename Follower::later(self)));
    }
  }
};

}  // namespace coramfs::detail
