// SPDX-License-Identifier: BSL-1.0
#include "workloads/workloads.hpp"

#include "support/program.hpp"
#include "workloads/memory.hpp"

namespace coramfs::bench {

void register_cases() {
  settle_allocator();
  register_workloads_of_files();
  register_workloads_of_streams();
}

}  // namespace coramfs::bench
