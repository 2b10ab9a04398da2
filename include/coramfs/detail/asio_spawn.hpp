// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/asio_compat.hpp>

// What begins a coroutine, which operations of the library never do.
#if defined(CORAMFS_BOOST_ASIO)
#include <boost/asio/co_spawn.hpp>
#else
#include <asio/co_spawn.hpp>
#endif
