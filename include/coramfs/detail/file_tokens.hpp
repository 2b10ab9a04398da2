// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>
#include <coramfs/detail/buffer_span.hpp>
#include <coramfs/detail/initiation.hpp>
#include <coramfs/prepared.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

namespace coramfs::detail {

/// The operations of a file for any completion token, which is their last argument. What they do,
/// their errors and their charges are those of the coroutines, and the rule of the token is in the
/// documentation of `file_system`.
///
/// `File` derives from this, and has a class `later` with the same operations, which gives an
/// `initiation` of each. Where a class `Derived` of that does so once more, the token may be left
/// out, and is a `Default` then.
template <class File, class Default = void, class Derived = File>
class file_tokens {
 public:
  template <token_for<std::size_t> Token = Default>
  auto read(asio::mutable_buffer to, Token&& token = Default()) {
    return call<Token>(token, [&](auto&& on) { return on.read(to); });
  }
  template <token_for<bytes> Token = Default>
  auto read_all(Token&& token = Default()) {
    return call<Token>(token, [&](auto&& on) { return on.read_all(); });
  }
  template <token_for<std::size_t> Token = Default>
  auto write(asio::const_buffer from, Token&& token = Default()) {
    return call<Token>(token, [&](auto&& on) { return on.write(from); });
  }
  template <content_like Content, token_for<std::size_t> Token = Default>
  auto write(const Content& from, Token&& token = Default()) {
    return call<Token>(token, [&](auto&& on) { return on.write(to_buffer(from)); });
  }
  template <token_for<std::size_t> Token = Default>
  auto write(bytes&& from, Token&& token = Default()) {
    return call<Token>(token, [&](auto&& on) { return on.write(std::move(from)); });
  }
  template <token_for<std::size_t> Token = Default>
  auto read_at(std::uint64_t offset, asio::mutable_buffer to, Token&& token = Default()) {
    return call<Token>(token, [&](auto&& on) { return on.read_at(offset, to); });
  }
  template <token_for<std::size_t> Token = Default>
  auto write_at(std::uint64_t offset, asio::const_buffer from, Token&& token = Default()) {
    return call<Token>(token, [&](auto&& on) { return on.write_at(offset, from); });
  }
  template <content_like Content, token_for<std::size_t> Token = Default>
  auto write_at(std::uint64_t offset, const Content& from, Token&& token = Default()) {
    return call<Token>(token, [&](auto&& on) { return on.write_at(offset, to_buffer(from)); });
  }
  template <token_for<std::uint64_t> Token = Default>
  auto truncate(std::optional<std::uint64_t> size, Token&& token = Default()) {
    return call<Token>(token, [&](auto&& on) { return on.truncate(size); });
  }
  template <token_for<std::uint64_t> Token = Default>
  auto truncate(Token&& token = Default()) {
    return call<Token>(token, [&](auto&& on) { return on.truncate(); });
  }
  template <token_for<void> Token = Default>
  auto punch_hole(std::uint64_t offset, std::uint64_t size, Token&& token = Default()) {
    return call<Token>(token, [&](auto&& on) { return on.punch_hole(offset, size); });
  }
  template <token_for<void> Token = Default>
  auto reserve(std::uint64_t size, Token&& token = Default()) {
    return call<Token>(token, [&](auto&& on) { return on.reserve(size); });
  }
  template <token_for<void> Token = Default>
  auto announce(std::uint64_t size, bool reserve, Token&& token = Default()) {
    return call<Token>(token, [&](auto&& on) { return on.announce(size, reserve); });
  }
  template <token_for<void> Token = Default>
  auto announce(std::uint64_t size, Token&& token = Default()) {
    return call<Token>(token, [&](auto&& on) { return on.announce(size); });
  }
  template <token_for<prepared> Token = Default>
  auto prepare(std::size_t n, Token&& token = Default()) {
    return call<Token>(token, [&](auto&& on) { return on.prepare(n); });
  }

 private:
  friend Derived;
  file_tokens() = default;

  // Calls an operation on the object itself, where it is a coroutine, or else on its `later`.
  template <class Token, class Operation>
  auto call(std::remove_reference_t<Token>& token, Operation operation) {
    File& self = static_cast<Derived&>(*this);
    if constexpr (is_coroutine_token<Token>) {
      return operation(self);
    } else {
      return initiate<Token>(token, operation(typename File::later(self)));
    }
  }
};

}  // namespace coramfs::detail
