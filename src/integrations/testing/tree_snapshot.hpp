// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/entries.hpp>
#include <coramfs/open_handle.hpp>
#include <coramfs/pinned.hpp>
#include <coramfs/volume.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// A file or a directory of a volume that is to be written to disk.
struct snapshot_entry {
  std::string path;  ///< in the volume
  std::string host;  ///< on disk, below the folder for all
  file_status status;
  std::vector<open_handle> holders = {};
  /// From the first byte to behind the last.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> holes = {};
  pinned content = {};
  std::uint64_t exported = 0;  ///< how many bytes of it are to be written
  std::string refused = {};    ///< why nothing of it can be written; empty if it can
};

/// What a volume has, as it was at one moment for each file.
struct tree_snapshot {
  std::vector<snapshot_entry> entries = {};  ///< sorted by path, without the root
  volume_stats stats;                        ///< before anything was looked at
  volume_options options;
};

/// Looks at all that a volume has, and plans to write `most` bytes of files at most, those of small
/// ones first. Nothing waits: what somebody writes to is only named. Throws `std::bad_alloc`, and
/// `std::runtime_error` if the tree can not be gone through.
tree_snapshot take_snapshot(const volume& v, std::uint64_t most);

/// The places of the entries that are files, in the order in which they are written: the largest
/// last.
std::vector<std::size_t> in_order_of_size(const tree_snapshot& s);

}  // namespace coramfs::detail
