// SPDX-License-Identifier: BSL-1.0
#include "integrations/host/library_pool.hpp"

#include <coramfs/blocking_pool.hpp>

namespace coramfs::detail {

std::shared_ptr<pool_state> library_pool() {
  static const blocking_pool pool(2);
  return pool_access::state(pool);
}

}  // namespace coramfs::detail
