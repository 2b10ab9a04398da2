// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/entries.hpp>
#include <coramfs/open_options.hpp>
#include <coramfs/volume.hpp>

#include "core/lifetime.hpp"
#include "core/memory_guard.hpp"
#include "core/quota.hpp"
#include "storage/account.hpp"
#include "storage/block_memory.hpp"
#include "tree/compaction.hpp"
#include "tree/tree.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace coramfs::detail {

/// A guard that is asked before each write must see at the next one what the last one took, and
/// nothing may come into memory that it was not asked about: a region would, as a whole.
inline std::uint64_t recycled_at_most(const volume_options& o) noexcept {
  return o.memory_guard.mode == guard_mode::per_write ? 0 : o.max_recycled;
}

/// What the copies of a volume share. They keep it alive together, and so do open files and pins.
///
/// Thread safety: the tree by its lock, the quota by its own, the counters by being atomic.
class volume_state final : public lifetime {
 public:
  /// Throws `std::bad_alloc`.
  static std::shared_ptr<volume_state> create(volume_options chosen);

  volume_stats stats() noexcept;

  const volume_options options;
  quota limits;
  memory_guard guard;
  block_memory blocks;
  const account payer;
  tree names;
  compaction relief;
  std::atomic<std::uint64_t> waiting{0};

 private:
  explicit volume_state(volume_options chosen)
      : options(std::move(chosen)),
        limits(options.max_quota, options.max_nodes),
        guard(options.memory_guard),
        blocks(limits, options.accounting, recycled_at_most(options)),
        payer(limits, guard, blocks, options.accounting, options.promotion_hard_limit),
        names(*this, blocks.small()),
        relief(names, blocks) {}
  ~volume_state() = default;
  void end() noexcept override { delete this; }
};

/// The way from the public handle to what it stands for.
struct volume_access {
  static const std::shared_ptr<volume_state>& state(const volume& v) noexcept { return v.state_; }
};

}  // namespace coramfs::detail
