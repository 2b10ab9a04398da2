// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace coramfs::detail {

class directory_node;

/// Directories that paths have led to lately. The way to the next file in one of them is one look
/// instead of one for each level, and its opening and closing counts only the directory as busy
/// (`count_user`), not also those above it.
///
/// Invariant: a directory that stands here is counted as busy for it, and so are those above it.
/// Whoever wants to know whether a directory is really busy has these forgotten first.
///
/// Guarded by the tree's lock: while that is held in either way, no directory that stands here
/// goes, and no name above it changes. Under the shared lock many may find and remember at once.
class recent_directories {
 public:
  recent_directories() = default;
  recent_directories(const recent_directories&) = delete;
  recent_directories& operator=(const recent_directories&) = delete;

  /// The directory with that normal path, or null if it does not stand here.
  directory_node* find(std::string_view path) const noexcept;
  /// Puts a directory here, perhaps in the place of another. Precondition: `path` is its normal
  /// path, and it is not the root.
  void remember(std::string_view path, directory_node& d) noexcept;
  /// Drops all of them. Under the exclusive lock.
  void forget() noexcept;
  /// How often they were dropped. While that is the same, every directory that a path has led to is
  /// still there, by the same path.
  std::uint64_t times_forgotten() const noexcept { return times_forgotten_; }

 private:
  using slot = std::atomic<directory_node*>;
  static constexpr std::size_t count = 64;

  static std::size_t index_of(std::string_view path) noexcept;

  std::uint64_t times_forgotten_ = 0;
  std::array<slot, count> slots_{};
};

}  // namespace coramfs::detail
