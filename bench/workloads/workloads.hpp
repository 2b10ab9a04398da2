// SPDX-License-Identifier: BSL-1.0
#pragma once

namespace coramfs::bench {

/// Files found by their names: `workloads/files.cpp`.
void register_workloads_of_files();

/// One file's bytes: `workloads/streams.cpp`.
void register_workloads_of_streams();

}  // namespace coramfs::bench
