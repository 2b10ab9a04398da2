// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "core/sip_hash.hpp"

namespace coramfs::detail {

/// Returns a key that nobody can guess, from the system's randomness. Where the system refuses
/// that, which it does not do in practice, the key is made of the time and of addresses: it is
/// weaker, but there is a volume.
hash_key random_key() noexcept;

}  // namespace coramfs::detail
