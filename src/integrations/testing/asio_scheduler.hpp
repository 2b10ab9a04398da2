// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/asio.hpp>

// What Asio's timers, sockets and signal sets run on. A context that is none of Asio's own gets one
// with the first of them, and with it a thread.
#if defined(CORAMFS_BOOST_ASIO)
#include <boost/asio/detail/scheduler.hpp>
#else
#include <asio/detail/scheduler.hpp>
#endif
