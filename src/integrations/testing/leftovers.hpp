// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/volume.hpp>

#include <string>

namespace coramfs::detail {

/// What a test has left of itself: open handles, operations that wait, pins, and charges other than
/// the tree's, a line for each, each after a line break; empty if there is nothing. Throws
/// `std::bad_alloc`.
///
/// What is charged for a tree by its memory depends on how it came about, so only charges by
/// payload are compared.
std::string leftovers_of(const volume& v);

}  // namespace coramfs::detail
