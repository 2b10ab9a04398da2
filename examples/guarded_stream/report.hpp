// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "digest.hpp"
#include "stream.hpp"

#include <optional>

namespace guarded_stream {

/// Removes what is left in the volume, and prints what the run has done. `again` is the input read
/// directly, if it can be. Whether the run ended well, all is equal, and nothing leaked.
bool print_report(stream& s, bool ended_well, double seconds, const std::optional<digest>& again);

}  // namespace guarded_stream
