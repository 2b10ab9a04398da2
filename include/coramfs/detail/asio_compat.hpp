// SPDX-License-Identifier: BSL-1.0
#pragma once

// Said before Asio says the same in many lines.
#if !defined(__cpp_rtti)
#error "coramfs: Asio's executors need RTTI; with -fno-rtti include coramfs/sync/ alone"
#endif

#include <coramfs/detail/asio_build.hpp>

// With clang and Asio before 1.26 they are -DASIO_HAS_CO_AWAIT and -DASIO_HAS_STD_COROUTINE.
#if !defined(ASIO_HAS_CO_AWAIT)
#error "coramfs: Asio sees no coroutines; compile with the flags of pkg-config or CMake for coramfs"
#endif

#include <asio/any_io_executor.hpp>
#include <asio/dispatch.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/version.hpp>

// This is the one place that does different things with different versions of Asio.
#if ASIO_VERSION >= 102400
#include <asio/deferred.hpp>
#endif
#if ASIO_VERSION >= 102700
#include <asio/associated_immediate_executor.hpp>
#else
#include <asio/associated_executor.hpp>
#endif

#include <type_traits>
#include <utility>

namespace coramfs::detail {

/// The token by which our own coroutines wait for an operation: the one with the fewest frames.
#if ASIO_VERSION >= 102400
using suspend_t = asio::deferred_t;
#else
using suspend_t = asio::use_awaitable_t<>;
#endif
inline constexpr suspend_t suspend{};

/// Says whether a token is the one for which an operation is the coroutine itself.
template <class Token>
inline constexpr bool is_coroutine_token =
    std::is_same_v<std::decay_t<Token>, asio::use_awaitable_t<>>;

/// Calls `handler()` out of an initiating function, but not within it: by the associated
/// immediate executor where there is such a thing, and else by a post.
template <class Handler>
void submit_at_once(const asio::any_io_executor& executor, Handler handler) {
#if ASIO_VERSION >= 102700
  const auto target = asio::get_associated_immediate_executor(handler, executor);
  asio::dispatch(target, std::move(handler));
#else
  const auto target = asio::get_associated_executor(handler, executor);
  asio::post(target, std::move(handler));
#endif
}

}  // namespace coramfs::detail
