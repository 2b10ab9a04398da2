// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <string_view>

namespace coramfs::detail {

class directory_node;

/// Directories that paths have led to lately: the way to the next file in one of them is one look
/// instead of one for each level, and its opening and closing counts the directory alone as busy
/// (`node_use`) instead of all that is above it, too.
///
/// For that those that stand here are held busy themselves. Whoever wants to know whether a
/// directory is busy has them forgotten first.
///
/// Guarded by the tree's lock: nothing that stands here goes, and no name above it changes, while
/// that is held in either way. Under the shared lock many may find and remember at once.
class recent_directories {
 public:
  recent_directories() = default;
  recent_directories(const recent_directories&) = delete;
  recent_directories& operator=(const recent_directories&) = delete;

  /// The directory with that path, in its normal form, or none.
  directory_node* find(std::string_view path) const noexcept;
  /// In the place of another, if need be. Precondition: that is its path, and it is not the root.
  void remember(std::string_view path, directory_node& d) noexcept;
  /// Under the exclusive lock.
  void forget() noexcept;

 private:
  using place = std::atomic<directory_node*>;
  static constexpr std::size_t count = 64;

  static std::size_t index_of(std::string_view path) noexcept;

  std::array<place, count> places_{};
};

}  // namespace coramfs::detail
