// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/sync/file_system.hpp>
#include <coramfs/volume.hpp>

#include <malloc.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <utility>

namespace coramfs::bench {

/// Where a volume's memory comes from at the begin of each iteration.
enum class memory {
  fresh,     ///< from the system: the volume is new, and the allocator has nothing left
  recycled,  ///< from the volume: what is removed in one iteration serves the next
};

/// Brings glibc's allocator to where it is in a process that has run for a while: it learns from
/// large blocks that are freed how much to keep, and the order of the cases is random.
inline void settle_allocator() {
  constexpr std::size_t largest_that_teaches = (std::size_t{32} << 20) - 4096;
  void* volatile block = ::malloc(largest_that_teaches);
  ::free(block);
}

/// As much as the largest workload needs, and as much of it kept for reuse as there can be.
inline volume_options roomy_options() {
  volume_options options;
  options.max_quota = std::uint64_t{2} << 30;
  // By a template, so that it compiles with a library that has no such option yet.
  [](auto& o) {
    if constexpr (requires { o.max_recycled; }) o.max_recycled = o.max_quota;
  }(options);
  return options;
}

/// A volume that is empty at the begin of each iteration.
class workload_volume {
 public:
  explicit workload_volume(memory from) : from_(from) {}

  const volume& next() {
    if (from_ == memory::fresh) store_.reset();
    if (store_) return empty();
    // Else what earlier cases gave back would come for fresh.
    if (from_ == memory::fresh) ::malloc_trim(0);
    return store_.emplace(volume::create(roomy_options()).value());
  }

 private:
  const volume& empty() {
    sync::file_system all(*store_);
    const auto names = all.list("/").value();
    for (const std::string& name : names) {
      const std::string path = "/" + name;
      if (all.is_directory(path).value()) {
        all.remove_tree(path).value();
      } else {
        all.remove(path).value();
      }
    }
    return *store_;
  }

  memory from_;
  std::optional<volume> store_;
};

}  // namespace coramfs::bench
