// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/asio_compat.hpp>

// What begins a coroutine. Of the public headers only those for tests do that.
#if defined(CORAMFS_BOOST_ASIO)
#include <boost/asio/co_spawn.hpp>
#else
#include <asio/co_spawn.hpp>
#endif
