// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

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

  /// Before that: what has been done for a node beside what each takes. `bytes` are looked at, as
  /// those of a path are; `steps` are a few instructions each.
  void add(std::uint64_t bytes, std::uint64_t steps = 0) noexcept {
    done_ += bytes + steps * cost_of_step;
  }

  /// Likewise, a way down the tree along a path: as many nodes are seen as it has names.
  void add_way(std::string_view path) noexcept {
    add(path.size());
    add_nodes(static_cast<std::uint64_t>(std::count(path.begin(), path.end(), '/')));
  }
  void add_nodes(std::uint64_t nodes) noexcept { done_ += nodes * cost_of_node; }

  /// How many items make a slice that take as long as so many bytes copied each, and are nodes.
  static std::size_t items_in_slice(std::uint64_t bytes) noexcept {
    return slice_size / (cost_of_node + bytes) + 1;
  }

 private:
  // A node takes about as long as so many bytes copied.
  static const std::uint64_t cost_of_node;
  static constexpr std::uint64_t cost_of_step = 16;

  std::uint64_t done_ = 0;
};

}  // namespace coramfs::detail
