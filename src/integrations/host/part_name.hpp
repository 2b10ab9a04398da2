// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>

namespace coramfs::detail {

/// A name that a file has until it is whole, or an empty one. It is of a fixed size, so that no
/// memory can be missing once there is a file with that name.
using part_name = std::array<char, 32>;

/// A new one: ".coramfs-", a random number and ".part". It has nothing of the file's own name,
/// which would have to be cut, perhaps in the middle of a character: some file systems refuse such
/// names, or have only shorter ones.
part_name random_part() noexcept;

}  // namespace coramfs::detail
