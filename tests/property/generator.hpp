// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "property/command.hpp"

#include <rapidcheck.h>

#include <cstddef>
#include <iosfwd>
#include <vector>

namespace coramfs::tests {

/// A sequence that is run from an empty volume.
struct script {
  std::vector<command> commands;
};

void showValue(const script&, std::ostream&);  // rapidcheck looks for this name

/// Which numbers come up.
enum class scale {
  small,  // some bytes
  large,  // around the size of a block
};

/// Scripts of about 200 commands. Buffers are small enough to be allocated; offsets may be any
/// number if `far`, else only those that make files small enough to be read. Each `series` is
/// made of other ones from the same seed.
rc::Gen<script> any_script(scale, bool far, std::size_t series);

}  // namespace coramfs::tests
