// SPDX-License-Identifier: BSL-1.0
#pragma once

// Asio's timer, which no header of users' needs.
#if defined(CORAMFS_BOOST_ASIO)
#include <boost/asio/basic_waitable_timer.hpp>
#else
#include <asio/basic_waitable_timer.hpp>
#endif
