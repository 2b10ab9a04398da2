// SPDX-License-Identifier: BSL-1.0
#include <coramfs/least_recently_used.hpp>

#include <coramfs/volume.hpp>

#include "operations/eviction.hpp"
#include "sync/run.hpp"

#include <memory>
#include <utility>

namespace coramfs {

reclaim_callback least_recently_used(least_recently_used_options options) {
  return [all = std::make_shared<detail::eviction_queues>(std::move(options))](
             const volume& of, const shortage& missing) {
    static_cast<void>(
        detail::run_blocking(detail::evict(detail::volume_access::state(of), all, missing)));
  };
}

}  // namespace coramfs
