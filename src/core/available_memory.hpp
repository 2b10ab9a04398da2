// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace coramfs::detail {

/// Returns how many bytes this process can still take from the machine, or nothing where that is
/// unknown.
///
/// That is the least of what the machine and each control group around the process, of either
/// version, have left. Page cache that can be dropped counts as left, swap does not. A source that
/// is missing or makes no sense is skipped. Only Linux tells; elsewhere it is unknown.
///
/// `root` stands before every file that is looked at. Groups and mounts are found anew each time,
/// because a process may be moved.
std::optional<std::uint64_t> available_memory(const std::filesystem::path& root = "/") noexcept;

}  // namespace coramfs::detail
