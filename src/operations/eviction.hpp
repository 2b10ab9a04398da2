// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/reclaim.hpp>

#include "core/steps.hpp"
#include "tree/volume_state.hpp"

#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace coramfs::detail {

/// The files of one volume in the order in which `least_recently_used` comes to them: that in which
/// they were made. Of those that come next some are remembered by their paths; what has become of
/// them meanwhile is seen when it is their turn.
///
/// Guarded by the asking that uses it, of which a volume has one at a time.
class eviction_queue {
 public:
  /// Where a file stands: among those of one tick, in the order in which they were seen.
  struct place {
    std::chrono::system_clock::time_point created_at = std::chrono::system_clock::time_point::min();
    std::uint64_t id = 0;

    friend auto operator<=>(const place&, const place&) = default;
  };
  struct candidate {
    place at;
    std::string path;
    std::uint64_t bytes;  ///< what it was charged at most
    bool is_expired;
  };

  /// How many are remembered at most of those that come next, and as many that are too old: these,
  /// or a sixteenth of all files. So a pass over all takes no more than some looks at all.
  static constexpr std::uint64_t most = 4096, share = 16;

  void remember(std::vector<candidate> found) noexcept {
    next = std::move(found);
    bytes = 0;
    for (const candidate& c : next) bytes += c.bytes;
  }
  /// Precondition: there is one.
  candidate take_next() noexcept {
    candidate c = std::move(next.back());
    next.pop_back();
    bytes -= c.bytes;
    return c;
  }

  place hand;                   ///< where the last one stood
  std::vector<candidate> next;  ///< the first of them is the last here
  std::uint64_t bytes = 0;      ///< of all of these
  std::uint64_t seen = 0;       ///< how many files were looked at, over and over
};

/// What a `least_recently_used` has, and its copies share. It must not own a volume.
///
/// Thread safety: `of` may be called from many threads at once.
class eviction_queues {
 public:
  explicit eviction_queues(least_recently_used_options chosen) noexcept
      : options(std::move(chosen)) {}

  /// That of a volume, for one asking. Throws `std::bad_alloc`. Those of volumes that have gone are
  /// dropped.
  std::shared_ptr<eviction_queue> of(const std::shared_ptr<volume_state>& v);

  const least_recently_used_options options;

 private:
  struct entry {
    std::weak_ptr<volume_state> of;
    std::shared_ptr<eviction_queue> queue;
  };

  std::mutex mutex_;
  std::vector<entry> all_;  // guarded by mutex_
};

/// Removes files in their order until what is missing is free, or until it has come by all of them
/// behind the hand, and then by all. Where a look at all shows first that those which are not in
/// use would help nobody, it removes nothing. The tree's lock is held for each file and for each
/// slice of a look.
steps<void> evict(std::shared_ptr<volume_state> v, std::shared_ptr<eviction_queues> all,
                  shortage missing);

}  // namespace coramfs::detail
