// SPDX-License-Identifier: BSL-1.0
#include "core/pace.hpp"

namespace coramfs::detail {

// This is alone in its file because tests are linked with another value in its place, so that small
// trees are seen to in slices, too.
const std::uint64_t pace::cost_of_node = slice_size / 2048;

}  // namespace coramfs::detail
