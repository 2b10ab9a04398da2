// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace coramfs::detail {

/// Bytes of a slice. More than this is stored, read or copied in slices, between which others get a
/// turn. At the speed of memory a slice takes a fraction of a millisecond.
inline constexpr std::uint64_t slice_size = 1024 * 1024;

/// What an operation has done since others last had a turn.
///
/// Thread safety: one operation's own.
class pace {
 public:
  /// How many nodes make a slice.
  static std::size_t nodes_in_slice() noexcept { return slice_size / cost_of_node; }

  /// Counts a node that was seen to, and `bytes` of its content. Returns whether a slice is done,
  /// so that others should have a turn; the next slice begins then.
  bool has_done(std::uint64_t bytes = 0) noexcept {
    done_ += cost_of_node + bytes;
    if (done_ < slice_size) return false;
    done_ = 0;
    return true;
  }

  /// Counts what was done for a node beyond what every node takes; to be called before `has_done`.
  /// So many `bytes` were looked at, such as those of a path, and `steps` are a few instructions
  /// each.
  void add(std::uint64_t bytes, std::uint64_t steps = 0) noexcept {
    done_ += bytes + steps * cost_of_step;
  }

  /// Counts a way down the tree along a path: its bytes, and a node for each of its names.
  void add_way(std::string_view path) noexcept {
    add(path.size());
    add_nodes(static_cast<std::uint64_t>(std::count(path.begin(), path.end(), '/')));
  }
  void add_nodes(std::uint64_t nodes) noexcept { done_ += nodes * cost_of_node; }

  /// How many items make a slice if each is a node and takes as long beside that as copying `bytes`
  /// does.
  static std::size_t items_in_slice(std::uint64_t bytes) noexcept {
    return slice_size / (cost_of_node + bytes) + 1;
  }

 private:
  // A node takes about as long as copying so many bytes.
  static const std::uint64_t cost_of_node;
  static constexpr std::uint64_t cost_of_step = 16;

  std::uint64_t done_ = 0;
};

}  // namespace coramfs::detail
