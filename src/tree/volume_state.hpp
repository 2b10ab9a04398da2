// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/entries.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/volume.hpp>

#include "core/clock.hpp"
#include "core/fault_seam.hpp"
#include "core/lifetime.hpp"
#include "core/memory_guard.hpp"
#include "core/quota.hpp"
#include "core/reclaim_access.hpp"
#include "core/reclaimer.hpp"
#include "storage/account.hpp"
#include "storage/block_memory.hpp"
#include "tree/compaction.hpp"
#include "tree/negative_answers.hpp"
#include "tree/tree.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// How many bytes are kept for reuse at most. It is none if the guard is asked before each write:
/// its readings must show what the last write took, and nothing may come into memory that it was
/// not asked about, as it would with a whole region.
inline std::uint64_t recycled_at_most(const volume_options& o) noexcept {
  return o.memory_guard.mode == guard_mode::per_write ? 0 : o.max_recycled;
}

/// What the copies of a volume share. They keep it alive together, and so do open files and pins.
///
/// Thread safety: each member guards itself: the tree, the quota, the guard and the memory by locks
/// of their own, whose order `tree` tells, `unfetched` by a leaf, and `waiting` by being atomic.
/// The others do not change.
class volume_state final : public lifetime {
 public:
  /// Throws `std::bad_alloc`.
  static std::shared_ptr<volume_state> create(volume_options chosen,
                                              const volume_state* origin = nullptr);
  /// Makes an empty volume, if its options are valid and its guard allows the quota. Errors: as
  /// `volume::create`. Throws `std::bad_alloc`.
  static result<std::shared_ptr<volume_state>> make(volume_options chosen,
                                                    const volume_state* origin = nullptr);
  /// Makes an empty volume that is to have what `origin` has: it has its settings where no others
  /// are chosen, and hashes names with its key. Errors: as `volume::create`.
  static result<std::shared_ptr<volume_state>> fork_of(const volume_state& origin,
                                                       fork_options chosen) noexcept;

  /// The figures at one moment. It takes the tree's lock.
  volume_stats stats() noexcept;
  /// What `stat` tells of a node. Under the tree's lock.
  file_status status_of(const node& n) const noexcept;
  /// The handles that are open. It takes the tree's lock. Errors: `out_of_memory`.
  result<std::vector<open_handle>> open_handles() noexcept;

  const volume_options options;
  const volume_clock clock;
  detail::quota quota;
  memory_guard guard;
  const fault_seam faults;
  block_memory blocks;
  const detail::account account;
  detail::tree tree;
  compaction relief;
  negative_answers unfetched;
  std::atomic<std::uint64_t> waiting{0};  ///< operations that wait for a lock or for space

 private:
  explicit volume_state(volume_options chosen, const volume_state* origin = nullptr)
      : options(std::move(chosen)),
        clock(options.clock.get()),
        quota(options.max_quota, options.max_nodes),
        guard(options.memory_guard, clock),
        faults(options.faults, quota, guard),
        blocks(quota, options.accounting, recycled_at_most(options)),
        account(quota, guard, blocks, options.accounting, options.promotion_hard_limit, &faults),
        tree(*this, blocks.small(), clock, origin != nullptr ? &origin->tree.key() : nullptr),
        relief(tree, blocks),
        is_fork_(origin != nullptr) {
    blocks.set_whole(*this);
  }
  ~volume_state() = default;
  void end() noexcept override;
  void lose_owner() noexcept;

  /// What `options.reclaim` is asked through, if it is there.
  class callback final : public reclaimer {
   public:
    explicit callback(detail::quota& limits) noexcept : reclaimer(limits) {}
    void begin(const std::shared_ptr<volume_state>& of) noexcept;

   private:
    void start(reclaim_task task) noexcept override;

    std::weak_ptr<volume_state> owned_;
  };

  // Whether its files may have blocks of other volumes, which have to be told at its end.
  const bool is_fork_;
  callback asked_{quota};
};

/// The way from the public handle to what it stands for.
struct volume_access {
  static const std::shared_ptr<volume_state>& state(const volume& v) noexcept { return v.state_; }
  static volume volume_of(std::shared_ptr<volume_state> s) noexcept { return volume(std::move(s)); }
};

}  // namespace coramfs::detail
