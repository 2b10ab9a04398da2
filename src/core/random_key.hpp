// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/clock.hpp>

#include "core/sip_hash.hpp"

namespace coramfs::detail {

/// Returns a key that nobody can guess, from the system's randomness. Where the system refuses
/// it, which it does not do in practice, the key is made of the time and of addresses: it is
/// weaker, but there is a volume.
hash_key random_key() noexcept;

/// The key of a volume that goes by a clock, or by the system's if that is null: a `keyed_clock`'s
/// own, else a random one.
hash_key key_of(const clock* goes_by) noexcept;

}  // namespace coramfs::detail
