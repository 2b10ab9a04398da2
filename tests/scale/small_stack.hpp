// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <functional>

namespace coramfs::tests {

/// Runs it on a thread with a stack of 256 KiB, to its end: what recurses as deep as a large
/// tree does not come back. An exception of its comes back.
void on_small_stack(const std::function<void()>& run);

}  // namespace coramfs::tests
