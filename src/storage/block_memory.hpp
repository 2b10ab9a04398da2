// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/options.hpp>

#include "core/lifetime.hpp"
#include "core/quota.hpp"
#include "storage/small_memory.hpp"

#include <boost/intrusive/list.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace coramfs::detail {

class block;

/// Can move what is in use, so that memory that is free in many small pieces becomes whole pages
/// again.
class memory_relief {
 public:
  /// Makes a slab free. Returns whether there was one that could be. Called with no lock below the
  /// tree's held.
  virtual bool free_a_slab() noexcept = 0;

 protected:
  ~memory_relief() = default;
};

/// Where the memory of a volume comes from: runs of pages inside of regions of 2 MiB. A page that
/// is touched for the first time costs more than what is copied into it, so freed runs are kept for
/// those to come, and huge pages are asked for where a whole region may be resident. What is
/// smaller than a few pages comes from slabs, which are runs themselves (`small_memory`).
///
/// Resident is what was written to and has not been released. Of that, kept is what nobody uses:
/// the free runs, what is free in slabs, and blocks that are yet to be freed (`backlog`). The
/// memory goes as a whole: at its end nobody has to give back what is from it.
///
/// Two bounds hold with `accounting::memory`:
/// - What is charged and what is kept in runs pass `max_quota` together only by what is kept in
///   slabs; free runs are released for every byte that is reserved. They are bounded by
///   `max_recycled`, too, but for what is yet to be freed.
/// - What is resident never passes `most_resident`, which is the quota, or what is taken beyond
///   one that was lowered, with 1/256 of it and 4 MiB.
///   A page beyond that is had only after slabs have been emptied by moving what is in them, or not
///   at all. Charges are never below what they stand for, so this refuses a request that fits by
///   the books only where slabs are sparse with what can not be moved: pinned, open, or on its way
///   into the tree.
///
/// Thread safety: all members may be called from many threads at once, but for `set_relief`. Order
/// of locks: the mutex is below the tree's lock and the slabs' locks, and only the quota's lock is
/// taken under it, to read what is left. What takes memory may ask for relief, so it is called with
/// no lock below the tree's held; `try_take` does not ask.
class block_memory final : public spare_memory {
 public:
  static constexpr std::size_t page_size = 4096;               // bytes
  static constexpr std::size_t region_size = 2 * 1024 * 1024;  // bytes; a run fits into one

  struct region;
  /// Whole pages that stand together.
  struct run {
    std::byte* data = nullptr;
    region* in = nullptr;
    bool is_warm = false;  ///< has been used before
  };

  /// Memory beside the regions: a moved-in vector, or what is larger than a region. It is ended
  /// with the volume, if it is still there then.
  class outside : public boost::intrusive::list_base_hook<> {
   public:
    virtual void end() noexcept = 0;

   protected:
    ~outside() = default;
  };

  block_memory(quota& limits, accounting counting, std::uint64_t max_recycled) noexcept;
  ~block_memory();
  block_memory(const block_memory&) = delete;
  block_memory& operator=(const block_memory&) = delete;

  /// How much `take` gives, and takes from the machine, for so many bytes.
  static constexpr std::size_t whole_pages(std::size_t bytes) noexcept {
    return (bytes + page_size - 1) / page_size * page_size;
  }
  /// Takes `bytes`, which are whole pages that have been paid for, and no more than a region. A run
  /// without data: memory is refused. One that is likely to be extended to `likely` bytes, if it
  /// can be, begins where so many are free, if there is such a place.
  run take(std::size_t bytes, std::size_t likely = 0) noexcept;
  void put(const run& r, std::size_t bytes) noexcept { put_tail(r, bytes, 0); }
  /// Puts back what is behind the first `kept` bytes, which are whole pages too.
  void put_tail(const run& r, std::size_t bytes, std::size_t kept) noexcept;
  /// Makes a run of `bytes` one of `wanted` bytes that begins where it did, as far as nobody has
  /// the pages behind it; they have been paid for. Returns whether it has: if not, the run is as
  /// before.
  bool extend(run& r, std::size_t bytes, std::size_t wanted) noexcept;

  /// Takes memory of any size for what is not content; it is charged as `footprint(bytes)`. Null:
  /// memory is refused.
  void* take_bytes(std::size_t bytes) noexcept;
  /// Gives back what `take_bytes` gave, of whichever volume.
  static void give_bytes(void* memory, std::size_t bytes) noexcept;
  static std::uint64_t footprint(std::size_t bytes) noexcept;

  /// Counts memory that is not from here and that the volume is charged for, such as that of
  /// adopted buffers. Returns whether it fits into what may be resident; if not, it is not counted.
  bool add_foreign(std::uint64_t bytes) noexcept;
  void drop_foreign(std::uint64_t bytes) noexcept { foreign_ -= bytes; }
  /// Registers what has to be ended with this, if it is still there then.
  void add_outside(outside& o) noexcept;
  void remove_outside(outside& o) noexcept;

  /// Takes over a block that nobody has any more, to be freed later.
  void collect(block& b) noexcept;
  /// Frees some of the blocks that were collected. Returns whether there are more.
  bool free_collected() noexcept { return free_collected(freed_at_once); }

  /// Keeps nothing for reuse from now on, as nobody is to take memory here any more: what is free
  /// goes back to the system. Not to be called with a lock held.
  void retire() noexcept;
  bool is_retired() noexcept {
    const std::lock_guard lock(mutex_);
    return is_retired_;
  }

  /// Gives back the charge of a block when it goes, if that had been left to the block.
  void give_back(std::uint64_t footprint) noexcept {
    if (counting_ == accounting::memory) quota_.release({.bytes = footprint});
  }

  /// Bytes that are charged for blocks that no live file of the volume has any more: what pins and
  /// other volumes hold.
  std::uint64_t held_bytes() const noexcept {
    return static_cast<std::uint64_t>(
        std::max<std::int64_t>(held_.load(std::memory_order_relaxed), 0));
  }
  /// Two threads may drop the last two shares of a block at the same time, so it may be below 0
  /// between their steps.
  void change_held(std::int64_t by) noexcept {
    if (counting_ == accounting::memory) held_.fetch_add(by, std::memory_order_relaxed);
  }

  /// The volume that this is a part of, for loans in other volumes to hold. To be set before there
  /// are any.
  void set_whole(lifetime& whole) noexcept { whole_ = &whole; }
  lifetime& whole() const noexcept { return *whole_; }

  small_memory& small() noexcept { return small_; }
  /// Whether anything is kept for reuse.
  bool recycles() const noexcept { return max_recycled_ != 0; }

  /// Bytes that are kept for reuse: those of free runs, of slabs beyond one for each size in use,
  /// and of what is yet to be freed.
  std::uint64_t kept_bytes() const noexcept {
    return kept_.load(std::memory_order_relaxed) +
           collected_bytes_.load(std::memory_order_relaxed) + small_.spare_bytes();
  }
  std::uint64_t resident_bytes() const noexcept {
    return resident_.load(std::memory_order_relaxed) + foreign_.load(std::memory_order_relaxed);
  }
  std::uint64_t most_resident() const noexcept;
  /// Whether so many bytes fit into what may be resident beside what is in use.
  bool has_room(std::uint64_t bytes) const noexcept {
    const std::uint64_t resident = resident_bytes();
    const std::uint64_t kept = kept_.load(std::memory_order_relaxed);
    return resident - std::min(resident, kept) + bytes <= most_resident();
  }
  void keep_at_most(std::uint64_t bytes) noexcept override;

  /// `relief` is asked when a page can not be had within the bound. To be called before others use
  /// this, and after the last of them.
  void set_relief(memory_relief* relief) noexcept { relief_ = relief; }
  /// Frees what can be freed. Returns whether it is worth trying again.
  bool relieve() noexcept;

  /// As `take`, but aligned, and without relief: the slabs' mutex may be held.
  run try_take(std::size_t bytes, std::size_t alignment, std::size_t likely = 0) noexcept;

 private:
  static constexpr std::size_t pages_in_region = region_size / page_size;
  static constexpr std::size_t classes = 10;  // of regions: the longest free run, by powers of two

  struct free_run {
    region* in;  // null: there is none
    std::size_t first;
  };
  struct pages_ahead;
  free_run find_free_run(std::size_t pages, std::size_t alignment) noexcept;
  bool fits(std::uint64_t bytes) const noexcept {
    return resident_bytes() + bytes <= most_resident();
  }
  bool make_fit(std::uint64_t bytes) noexcept;
  region* add_region(std::size_t wanted) noexcept;
  run take_from(const free_run& from, std::size_t pages) noexcept;
  void put_pages(region& to, std::size_t first, std::size_t pages) noexcept;
  void put_run(const run& r, std::size_t pages) noexcept;
  bool put_back_pages_at_hand() noexcept;
  void put_back_single_pages(const std::byte* begin, const std::byte* end) noexcept;
  pages_ahead* find_ahead(const std::byte* begin) noexcept;
  void put_back(pages_ahead& a) noexcept;
  void look_ahead(pages_ahead& a, std::size_t first) noexcept;
  void change_kept(region& r, std::ptrdiff_t pages) noexcept;
  void file_away(region& r) noexcept;
  void take_out(region& r) noexcept;
  bool free_collected(std::uint64_t bytes) noexcept;
  std::uint64_t most_recycled() const noexcept { return is_retired_ ? 0 : max_recycled_; }
  void trim(std::uint64_t bytes) noexcept;
  void release_free_pages(region& r) noexcept;
  void remove(region& r) noexcept;
  void unmap(region& r) noexcept;

  static constexpr std::uint64_t freed_at_once = 4 * 1024 * 1024;  // bytes

  quota& quota_;
  const accounting counting_;
  const std::uint64_t max_recycled_;
  memory_relief* relief_ = nullptr;
  lifetime* whole_ = nullptr;
  std::atomic<std::int64_t> held_{0};  // bytes

  std::mutex mutex_;
  // Guarded by mutex_. Regions are sorted by the longest run that they have free; full ones are in
  // no list.
  std::array<region*, classes> by_longest_{};
  // Free pages that are taken one by one, as short files do. For their regions they are in use.
  static constexpr std::size_t most_single_pages = 16;
  std::array<run, most_single_pages> single_pages_{};
  std::size_t single_page_count_ = 0;
  // Where the runs end that were extended last, and free pages behind them for the next times: a
  // file that is opened, appended to and closed again and again is extended by a page or two each
  // time. For their regions these pages are in use, too.
  struct pages_ahead {
    std::byte* begin = nullptr;
    region* in = nullptr;
    std::size_t bytes = 0;
    bool is_warm = false;
  };
  static constexpr std::size_t most_runs_ahead = 4, most_ahead = 16;  // pages
  std::array<pages_ahead, most_runs_ahead> ahead_{};
  std::size_t next_ahead_ = 0;
  region* keeping_ = nullptr;  // the first of those with pages that are kept
  region* all_ = nullptr;
  boost::intrusive::list<outside, boost::intrusive::constant_time_size<false>> outside_;
  bool is_retired_ = false;
  block* collected_ = nullptr;  // the first; each knows the next one
  block* last_collected_ = nullptr;
  // Bytes; written under the mutex, but for what `drop_foreign` takes off.
  std::atomic<std::uint64_t> kept_{0};
  std::atomic<std::uint64_t> resident_{0};
  std::atomic<std::uint64_t> foreign_{0};
  std::atomic<std::uint64_t> collected_bytes_{0};

  small_memory small_;
};

}  // namespace coramfs::detail
