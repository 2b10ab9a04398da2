// SPDX-License-Identifier: BSL-1.0
#include "storage/fault_point.hpp"

namespace coramfs::detail {

// This is alone in its file because tests are linked with another one in its place, so that each
// request can be refused in turn, as `malloc` can.
bool memory_is_refused() noexcept { return false; }

}  // namespace coramfs::detail
