// SPDX-License-Identifier: BSL-1.0
// Linked in the place of src/core/random_key.cpp: what has happened with a seed happens with it
// again, the order in which directories are gone through included.
#include "core/random_key.hpp"

namespace coramfs::detail {

hash_key random_key() noexcept { return {0x0706050403020100, 0x0f0e0d0c0b0a0908}; }

}  // namespace coramfs::detail
