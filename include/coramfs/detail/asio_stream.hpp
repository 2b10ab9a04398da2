// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/asio_compat.hpp>

// How a socket is shut down, in Asio's terms.
#if defined(CORAMFS_BOOST_ASIO)
#include <boost/asio/socket_base.hpp>
#else
#include <asio/socket_base.hpp>
#endif
