// SPDX-License-Identifier: BSL-1.0
#pragma once

// Said before Asio says the same in many lines.
#if !defined(__cpp_rtti)
#error "coramfs: Asio's executors need RTTI; with -fno-rtti include coramfs/sync/ alone"
#endif

#include <coramfs/asio.hpp>
#include <coramfs/detail/asio_build.hpp>

// With clang and Asio before 1.26 they are -DASIO_HAS_CO_AWAIT and -DASIO_HAS_STD_COROUTINE.
#if defined(CORAMFS_BOOST_ASIO) ? !defined(BOOST_ASIO_HAS_CO_AWAIT) : !defined(ASIO_HAS_CO_AWAIT)
#error "coramfs: Asio sees no coroutines; compile with the flags of pkg-config or CMake for coramfs"
#endif

// All that the asynchronous side includes of Asio, whichever it is. This is also the one place that
// does different things with different versions.
#if defined(CORAMFS_BOOST_ASIO)
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/associator.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#if BOOST_ASIO_VERSION >= 102400
#include <boost/asio/deferred.hpp>
#endif
#if BOOST_ASIO_VERSION >= 102700
#include <boost/asio/associated_immediate_executor.hpp>
#endif
#else
#include <asio/any_io_executor.hpp>
#include <asio/associated_allocator.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/associator.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/cancellation_state.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/dispatch.hpp>
#include <asio/execution.hpp>
#include <asio/execution_context.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <asio/prefer.hpp>
#include <asio/query.hpp>
#include <asio/system_executor.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#if ASIO_VERSION >= 102400
#include <asio/deferred.hpp>
#endif
#if ASIO_VERSION >= 102700
#include <asio/associated_immediate_executor.hpp>
#endif
#endif

#include <coramfs/detail/export.hpp>

#include <type_traits>
#include <utility>

namespace coramfs::detail {

/// The system executor, where the type of an executor is erased. To convert it costs as much to
/// compile as all that is ours in a small program, so that is done once, in the library.
CORAMFS_EXPORT asio::any_io_executor system_io_executor();

/// The token by which our own coroutines wait for an operation: the one with the fewest frames.
#if CORAMFS_ASIO_VERSION >= 102400
using suspend_t = asio::deferred_t;
#else
using suspend_t = asio::use_awaitable_t<>;
#endif
inline constexpr suspend_t suspend{};

/// Says whether a token is the one for which an operation is the coroutine itself.
template <class Token>
inline constexpr bool is_coroutine_token =
    std::is_same_v<std::decay_t<Token>, asio::use_awaitable_t<>>;

/// Says whether a handler has an associated executor of its own: it is the same, whatever the
/// default is.
template <class Handler>
inline constexpr bool has_own_executor =
    std::is_same_v<asio::associated_executor_t<Handler, asio::any_io_executor>,
                   asio::associated_executor_t<Handler, asio::system_executor>>;
/// The same for an immediate executor.
template <class Handler>
inline constexpr bool has_own_immediate_executor =
#if CORAMFS_ASIO_VERSION >= 102700
    std::is_same_v<asio::associated_immediate_executor_t<Handler, asio::any_io_executor>,
                   asio::associated_immediate_executor_t<Handler, asio::system_executor>>;
#else
    false;
#endif

/// Says whether `asio::post` takes an executor of that type: it refuses those that can not be asked
/// never to run a function within the call, such as `asio::any_completion_executor`.
template <class Executor>
inline constexpr bool can_be_posted_to =
    !asio::execution::is_executor<Executor>::value ||
    asio::can_require<Executor, asio::execution::blocking_t::never_t>::value;

/// The executor that completes, in an initiating function, what ends there: the associated
/// immediate executor where there is such a thing, and else the handler's own.
template <class Handler>
auto immediate_executor_of(const Handler& handler, const asio::any_io_executor& executor) {
#if CORAMFS_ASIO_VERSION >= 102700
  return asio::get_associated_immediate_executor(handler, executor);
#else
  return asio::get_associated_executor(handler, executor);
#endif
}

/// Calls `function()` out of an initiating function, on an `immediate_executor_of`, but not within
/// it, unless that is an associated immediate executor which does so.
template <class Executor, class Function>
void submit_at_once(const Executor& immediate, Function function) {
#if CORAMFS_ASIO_VERSION >= 102700
  asio::dispatch(immediate, std::move(function));
#else
  asio::post(immediate, std::move(function));
#endif
}

}  // namespace coramfs::detail
