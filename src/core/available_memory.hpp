// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace coramfs::detail {

/// Bytes that this process can still take from the machine; nothing if that is unknown.
///
/// The least of what every control group around the process, of either version, and the machine
/// itself have left. Page cache that can be dropped counts as left, swap does not. A source that
/// is missing or makes no sense is skipped. Linux alone tells; elsewhere it is unknown.
///
/// `root` stands before every file that is looked at. Groups and mounts are found anew each time:
/// a process may be moved.
std::optional<std::uint64_t> available_memory(const std::filesystem::path& root = "/") noexcept;

}  // namespace coramfs::detail
