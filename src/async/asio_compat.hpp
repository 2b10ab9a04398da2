// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <asio/version.hpp>

// The one place that asks which Asio this is.
#if ASIO_VERSION >= 102400
#include <asio/deferred.hpp>
#else
#include <asio/use_awaitable.hpp>
#endif

namespace coramfs::detail {

/// The token by which our own coroutines wait for an operation: the one with the fewest frames.
#if ASIO_VERSION >= 102400
using suspend_t = asio::deferred_t;
#else
using suspend_t = asio::use_awaitable_t<>;
#endif
inline constexpr suspend_t suspend{};

}  // namespace coramfs::detail
