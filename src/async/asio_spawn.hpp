// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/asio_compat.hpp>

// What begins a coroutine that is nobody's child, and the strand that it runs on, which no header
// of users' needs.
#if defined(CORAMFS_BOOST_ASIO)
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#else
#include <asio/co_spawn.hpp>
#include <asio/strand.hpp>
#endif
