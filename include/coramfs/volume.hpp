// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/error_details.hpp>
#include <coramfs/open_handle.hpp>
#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include <cstdint>
#include <memory>
#include <vector>

namespace coramfs {

namespace detail {
class volume_state;
struct volume_access;
}  // namespace detail

/// The figures of a volume at one moment.
struct volume_stats {
  /// Bytes, as `volume_options::accounting` counts them. Always `used_bytes + free_bytes ==
  /// quota_bytes`, unless `set_quota` has made the quota less than what was used: then
  /// `free_bytes` is 0. `peak_bytes` is the highest `used_bytes` so far.
  /// @{
  std::uint64_t used_bytes, quota_bytes, free_bytes, peak_bytes;
  /// @}
  /// `directory_count` includes the root; `chunk_count` counts the chunks of chains alone.
  /// @{
  std::uint64_t file_count, directory_count, chunk_count;
  /// @}
  /// Handles open now, and operations that wait for a lock or for space.
  /// @{
  std::uint64_t open_handles, waiting;
  /// @}
  /// Bytes of freed memory that are kept for reuse, and are part of `free_bytes`: pages, and what
  /// is free between small things beyond 64 KiB for each size of them.
  std::uint64_t recycled_bytes;
  /// Pins that are held now, whose copies are one; and with them buffers of prepared room, and
  /// operations under way whose handle is closed already.
  std::uint64_t pins;
  /// Bytes of `used_bytes` that no file of the volume has any more: what pins hold of files that
  /// have changed or gone, and what only forks still have. It is what the volume would give back if
  /// all of these went.
  std::uint64_t held_bytes;
  /// How often `volume_options::reclaim` has thrown so far, or could not be asked for want of
  /// memory. Nobody else is told why a request was refused that it was to make room for.
  std::uint64_t failed_reclaims;
};

/// The core that facades share: the tree, the files' bytes, the quota and the locks.
///
/// It is a cheap handle: copies share one tree.
///
/// Lifetime: the tree lives until the last copy, the last facade over it, the last of its open
/// files, the last of its pins and the last of its bytes in forks are gone.
///
/// Thread safety: all members may be called from many threads at once.
///
///     coramfs::volume_options options;
///     options.max_quota = 64 * 1024 * 1024;
///     auto v = coramfs::volume::create(options).value();
class CORAMFS_EXPORT volume {
 public:
  /// Makes an empty volume, which has the root alone. It takes some 56 KiB and 128 KiB of pages,
  /// whatever the quota.
  ///
  /// Errors: `invalid_argument` for an unknown enumerator; `node_limit_exceeded` for `max_nodes`
  /// of 0; `memory_guard` if the guard rejects `max_quota`; `out_of_memory`.
  /// Charges nothing: the root is free.
  static result<volume> create(volume_options = {});

  /// The figures at one moment. It never fails.
  volume_stats stats() const;

  /// The handles that are open, in no order: what a program looks at that is stuck, or that has
  /// more files open than it should. Handles that are opened or closed meanwhile are in it or not.
  /// Missing are those that found no memory for an entry, and those beyond 131,064 of one thread.
  ///
  /// It completes at once, and holds the tree's lock, which it shares, for some hundred handles at
  /// a time. Errors: `out_of_memory`. Charges nothing.
  result<std::vector<open_handle>> open_handles() const;

  /// Changes the quota while the volume is in use, in both directions. With a higher one, those who
  /// wait for space are served at once, in their order. With a lower one, memory that is kept for
  /// reuse is given back as far as it would pass it, and where more is used than it allows nothing
  /// is taken away: whatever needs bytes is refused, or waits, until enough was given back. Who
  /// waits already goes on waiting, also for more than the quota now is. `stats` shows it, and
  /// `options` what the volume was made with.
  ///
  /// It completes at once, and gives back in the call what was kept. Errors, which leave the quota
  /// as it was: `memory_guard` if it is to be higher and the guard, in whichever mode, rejects what
  /// is not used of it yet; `out_of_memory`. Charges nothing.
  result<void> set_quota(std::uint64_t size);

  /// Makes a volume that has all directories and files of this one, with locks, a quota and options
  /// of its own. Its files are new files, as copies are, and share their bytes with those of this
  /// volume as by `copy_options::content::share`: no byte is copied. Files without a name are left
  /// out. What is written to either volume never shows in the other, and they may go in any order.
  ///
  /// It completes at once, for it waits for no file's lock; `file_system::fork` does. It sees each
  /// directory at one moment, and each file under its shared lock.
  ///
  /// Errors: `busy` if a file is open for writing, or somebody waits to write it; those of
  /// `create`, and in the fork `node_limit_exceeded` and `quota_exceeded`, which tell how much the
  /// part needed that did not fit, and `memory_guard` if its guard rejects a part with content;
  /// `out_of_memory`. Nothing is left of a fork that fails. Charges the fork for
  /// directories, files, names, and some 50 bytes for each block; with `accounting::payload` for
  /// the sizes. Each block stays in the charge of the volume that has made it until the last file,
  /// pin and fork have let go of it (`volume_stats::held_bytes`).
  result<volume> fork(fork_options = {}) const;

  /// What was passed to `create`, for as long as a copy of the volume lives.
  const volume_options& options() const noexcept;

 private:
  friend struct detail::volume_access;
  explicit volume(std::shared_ptr<detail::volume_state> state) noexcept
      : state_(std::move(state)) {}

  std::shared_ptr<detail::volume_state> state_;
};

}  // namespace coramfs
