// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace coramfs::tests {

inline constexpr std::size_t path_count = 3;

/// One call on a volume, as it was seen: what was asked, what came of it, and when. Contents are
/// small numbers above 0.
struct call {
  enum class kind : unsigned char { exists, read, write, rename, import };
  /// Beside these, `read` gives a content.
  enum result : int { done = -1, not_found = -2, busy = -3, no = -4, yes = -5 };

  kind what = kind::exists;
  std::size_t path = 0, other_path = 0;  ///< the second for `rename` and `import`
  int content = 0, other_content = 0;    ///< likewise, for what is written
  int came_of_it = done;
  std::uint64_t begin = 0, end = 0;  ///< numbers from one count, so that no two are the same
};

/// The contents by path; 0: there is no file. All that a volume should be to its callers.
using contents = std::array<unsigned char, path_count>;

/// What one call does alone. False: what came of it is not what should have.
bool apply(contents& now, const call& c);

/// Whether the calls, which overlap in time, did what they would have done one after another, in
/// an order in which none comes before one that had ended when it began. At most 64 calls.
bool is_linearizable(const std::vector<call>& calls);

/// Whether each that found a file busy overlaps with one that held that file.
bool is_busy_for_a_reason(const std::vector<call>& calls);

}  // namespace coramfs::tests
