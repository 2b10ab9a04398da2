// SPDX-License-Identifier: BSL-1.0
#include "support/coroutines.hpp"

namespace coramfs::bench {

asio::awaitable<result<std::size_t>> ready_coroutine() { co_return std::size_t{64}; }

}  // namespace coramfs::bench
