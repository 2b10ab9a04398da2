// SPDX-License-Identifier: BSL-1.0
#include <coramfs/detail/asio_compat.hpp>

namespace coramfs::detail {

asio::any_io_executor system_io_executor() { return asio::system_executor(); }

}  // namespace coramfs::detail
