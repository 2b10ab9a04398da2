// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>

namespace coramfs::testing::detail {

/// Has the library ask a framework for tests how often something has failed in the test that runs
/// now: it compares two answers. Null: there is no framework.
CORAMFS_EXPORT void count_failures_by(unsigned long (*counter)()) noexcept;

/// The answer; 0 where nobody counts.
CORAMFS_EXPORT unsigned long failure_count();

}  // namespace coramfs::testing::detail
