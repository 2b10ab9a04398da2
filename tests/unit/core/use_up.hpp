// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "core/quota.hpp"

#include <utility>

namespace coramfs::tests {

/// Makes all of a grant a charge.
inline void use_up(detail::quota& q, detail::grant granted) {
  q.reserve({.bytes = granted.bytes()}, {}, &granted).value().commit();
}

}  // namespace coramfs::tests
