// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace coramfs::detail {

/// Bytes: more than this is stored, read or copied in slices, between which others get a turn. At
/// the speed of memory it is a fraction of a millisecond.
inline constexpr std::uint64_t slice_size = 1024 * 1024;

/// What an operation has done since others last had a turn.
class pace {
 public:
  /// So many nodes make a slice.
  static std::size_t nodes_in_slice() noexcept { return slice_size / cost_of_node; }

  /// After a node was seen to, and `bytes` of content. True: it is time for others.
  bool has_done(std::uint64_t bytes = 0) noexcept {
    done_ += cost_of_node + bytes;
    if (done_ < slice_size) return false;
    done_ = 0;
    return true;
  }

 private:
  // A node takes about as long as so many bytes copied.
  static const std::uint64_t cost_of_node;

  std::uint64_t done_ = 0;
};

}  // namespace coramfs::detail
