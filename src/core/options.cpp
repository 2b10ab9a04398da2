// SPDX-License-Identifier: BSL-1.0
#include <coramfs/options.hpp>

#include <coramfs/entries.hpp>
#include <coramfs/open_options.hpp>

#include <type_traits>
#include <utility>

// What is here and not in the header costs a program that includes it nothing.
namespace coramfs {

// g++ 12 destroys some temporaries of a co_await expression twice.
template <class... Options>
inline constexpr bool may_be_destroyed_twice =
    std::conjunction_v<std::is_trivially_destructible<Options>...>;
static_assert(may_be_destroyed_twice<open_options, remove_options, rename_options, copy_options,
                                     naming_options, import_options, export_options>);

std::optional<lock_timeout::time_point> lock_timeout::deadline(time_point now) const noexcept {
  if (is_forever() || now.time_since_epoch() > duration::max() - length_) return std::nullopt;
  return now + length_;
}

fork_options::fork_options() noexcept = default;

fork_options::fork_options(volume_options all)
    : max_quota(all.max_quota),
      max_nodes(all.max_nodes),
      default_storage(all.default_storage),
      promotion_hard_limit(all.promotion_hard_limit),
      accounting(all.accounting),
      max_recycled(all.max_recycled),
      default_lock_timeout(all.default_lock_timeout),
      memory_guard(std::move(all.memory_guard)),
      clock(std::move(all.clock)),
      reclaim(std::move(all.reclaim)),
      faults(all.faults) {}

}  // namespace coramfs
