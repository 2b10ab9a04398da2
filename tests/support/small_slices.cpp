// SPDX-License-Identifier: BSL-1.0
// Linked in the place of src/core/pace.cpp: a few nodes make a slice.
#include "core/pace.hpp"

namespace coramfs::detail {

const std::uint64_t pace::cost_of_node = slice_size / 3;

}  // namespace coramfs::detail
