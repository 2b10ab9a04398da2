// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/asio_compat.hpp>

// A wait that no cancellation ends, and one for the first of two things.
#if defined(CORAMFS_BOOST_ASIO)
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#else
#include <asio/bind_cancellation_slot.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#endif
