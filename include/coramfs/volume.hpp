// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include <cstdint>
#include <memory>

namespace coramfs {

namespace detail {
class volume_state;
struct volume_access;
}  // namespace detail

/// The figures of a volume at one moment.
struct volume_stats {
  /// Bytes. `used_bytes + free_bytes == quota_bytes` always; `peak_bytes` is the highest
  /// `used_bytes` so far.
  std::uint64_t used_bytes, quota_bytes, free_bytes, peak_bytes;
  /// `directory_count` includes the root; `chunk_count` counts the chunks of chains alone.
  std::uint64_t file_count, directory_count, chunk_count;
  /// Handles open now, and operations that wait for a lock or for space.
  std::uint64_t open_handles, waiting;
  /// Bytes that are kept for reuse, which `free_bytes` contains: pages, and what is free between
  /// small things beyond 64 KiB for each size of them.
  std::uint64_t recycled_bytes;
};

/// The core that facades share: the tree, the files' bytes, the quota and the locks.
///
/// A cheap handle: copies share one tree, which lives until the last of them, of the facades
/// over it, of its files and of its pins is gone.
///
/// Thread safety: all members may be called from many threads at once.
///
///     coramfs::volume_options options;
///     options.max_quota = 64 * 1024 * 1024;
///     auto v = coramfs::volume::create(options).value();
class CORAMFS_EXPORT volume {
 public:
  /// An empty volume. Takes some 30 KiB and 128 KiB of pages, whatever the quota.
  ///
  /// Errors: `invalid_argument` for an unknown enumerator; `node_limit_exceeded` for no nodes;
  /// `memory_guard` if the guard rejects `max_quota`; `out_of_memory`.
  static result<volume> create(volume_options = {});

  /// One snapshot of the figures.
  volume_stats stats() const;

  /// What was passed to `create`.
  const volume_options& options() const noexcept;

 private:
  friend struct detail::volume_access;
  explicit volume(std::shared_ptr<detail::volume_state> state) noexcept
      : state_(std::move(state)) {}

  std::shared_ptr<detail::volume_state> state_;
};

}  // namespace coramfs
