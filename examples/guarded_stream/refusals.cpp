// SPDX-License-Identifier: BSL-1.0
#include "refusals.hpp"

#include <algorithm>

namespace guarded_stream {

bool refusals::add(const coramfs::error& e) {
  for (tally& t : tallies_) {
    if (e != t.reason) continue;
    t.least_available = t.count == 0 ? e.available() : std::min(t.least_available, e.available());
    t.last_requested = e.requested();
    t.last_available = e.available();
    t.count += 1;
    return true;
  }
  return false;
}

}  // namespace guarded_stream
