// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "core/sip_hash.hpp"

namespace coramfs::detail {

/// A key that nobody can guess, from the system's randomness. Where the system refuses that, which
/// it does not do in practice, the key is made of a clock and of where things are in memory: there
/// is a volume then, and who wants to flood it needs to know these.
hash_key random_key() noexcept;

}  // namespace coramfs::detail
