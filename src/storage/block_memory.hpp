// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/options.hpp>

#include "core/quota.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace coramfs::detail {

/// Where the large blocks of a volume come from: runs of pages inside of regions of 2 MiB, for
/// which huge pages are asked. A page that is touched for the first time costs more than what is
/// copied into it, so freed runs are kept for those to come.
///
/// What is kept is bounded three times: by `max_recycled`; by what the quota has left, so that
/// used and kept together stay below its limit; and by the life of the volume. A new region is
/// resident as a whole from the first byte on, so it counts as kept where it is not used, and
/// where there is no room for that a run gets pages of its own.
///
/// Thread safety: all members may be called from many threads at once. The mutex is a leaf,
/// save for the quota's.
class block_memory final : public spare_memory {
 public:
  static constexpr std::size_t page_size = 4096;                // bytes
  static constexpr std::size_t region_size = 2 * 1024 * 1024;   // bytes; a run fits into one
  static constexpr std::size_t smallest_run = 64 * 1024;        // bytes; malloc does what is below

  struct region;
  /// Whole pages that stand together.
  struct run {
    std::byte* data = nullptr;
    region* in = nullptr;  ///< none: pages of their own
    bool is_warm = false;  ///< has been used before
  };

  block_memory(quota& limits, accounting counting, std::uint64_t max_recycled) noexcept;
  ~block_memory();
  block_memory(const block_memory&) = delete;
  block_memory& operator=(const block_memory&) = delete;

  /// What `take` gives for so many bytes, and takes from the machine.
  static constexpr std::size_t whole_pages(std::size_t bytes) noexcept {
    return (bytes + page_size - 1) / page_size * page_size;
  }
  /// `bytes` are whole pages that have been paid for, and no more than a region. No data: memory
  /// is refused.
  run take(std::size_t bytes) noexcept;
  void put(const run& r, std::size_t bytes) noexcept;
  /// Puts back what is behind the first `kept` bytes, which are whole pages too.
  void put_tail(const run& r, std::size_t bytes, std::size_t kept) noexcept;

  /// Gives back the charge of a block that no file has paid for any more when it went.
  void give_back(std::uint64_t footprint) noexcept {
    if (counting_ == accounting::memory) quota_.release({.bytes = footprint});
  }

  std::uint64_t kept_bytes() const noexcept { return kept_.load(std::memory_order_relaxed); }
  void keep_at_most(std::uint64_t bytes) noexcept override;

 private:
  static constexpr std::size_t pages_in_region = region_size / page_size;
  static constexpr std::size_t classes = 10;  // of the longest free run, by powers of two

  run take_kept(std::size_t pages) noexcept;
  region* add_region() noexcept;
  run take_from(region& from, std::size_t pages) noexcept;
  void put_pages(region& to, std::size_t first, std::size_t pages) noexcept;
  void file_away(region& r) noexcept;
  void take_out(region& r) noexcept;
  void trim(std::uint64_t bytes) noexcept;
  void release_free_pages(region& r) noexcept;
  void remove(region& r) noexcept;

  quota& quota_;
  const accounting counting_;
  const std::uint64_t max_recycled_;

  std::mutex mutex_;
  // Guarded by mutex_. Regions by the longest run that they have free; full ones are in none.
  std::array<region*, classes> by_longest_{};
  std::atomic<std::uint64_t> kept_{0};  // bytes; written under the mutex
};

}  // namespace coramfs::detail
