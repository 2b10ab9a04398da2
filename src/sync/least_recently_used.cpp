// SPDX-License-Identifier: BSL-1.0
#include <coramfs/least_recently_used.hpp>

#include <coramfs/volume.hpp>

#include "operations/eviction.hpp"
#include "sync/run.hpp"

#include <memory>
#include <new>
#include <utility>

namespace coramfs {

reclaim_callback least_recently_used(least_recently_used_options options) {
  return [all = std::make_shared<detail::eviction_queues>(std::move(options))](
             const volume& of, const shortage& missing) {
    // It lacks memory, and is not cancelled.
    if (!detail::run_blocking(detail::evict(detail::volume_access::state(of), all, missing)))
      throw std::bad_alloc();
  };
}

}  // namespace coramfs
