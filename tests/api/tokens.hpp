// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>

// Where this Asio has the tokens.
#if CORAMFS_ASIO_VERSION >= 102400
#include <asio/as_tuple.hpp>
#include <asio/deferred.hpp>
#else
#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/deferred.hpp>
#endif
#if CORAMFS_ASIO_VERSION >= 102700
#include <asio/bind_immediate_executor.hpp>
#endif
#if CORAMFS_ASIO_VERSION >= 103100
#include <asio/cancel_after.hpp>
#endif

namespace coramfs::tests {

#if CORAMFS_ASIO_VERSION >= 102400
using asio::as_tuple;
using asio::deferred;
#else
using asio::experimental::as_tuple;
using asio::experimental::deferred;
#endif

}  // namespace coramfs::tests
