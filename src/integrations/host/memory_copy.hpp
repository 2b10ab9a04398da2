// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/entries.hpp>
#include <coramfs/memfd.hpp>
#include <coramfs/pinned.hpp>
#include <coramfs/result.hpp>
#include <coramfs/sync/file_system.hpp>

#include "integrations/host/descriptor.hpp"

#include <cstdint>
#include <stop_token>
#include <string>

namespace coramfs::detail {

// The parts of `to_memfd` and `from_memfd` that make calls of the host's. They may block, but wait
// for nothing of the volume's. May throw `std::bad_alloc`.

/// Makes a memory file of a content. Errors: the host's; `canceled` once it is asked to stop,
/// between pieces of 1 MiB.
result<descriptor> copy_to_memory(const pinned& content, const memfd_options& options,
                                  const std::stop_token& stop);

/// Makes a file of what a descriptor has. Errors: those of `from_memfd`.
result<std::uint64_t> copy_from_descriptor(sync::file_system fs, int number,
                                           const std::string& path, if_exists existing,
                                           const std::stop_token& stop);

}  // namespace coramfs::detail
