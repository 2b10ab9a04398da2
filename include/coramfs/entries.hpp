// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

namespace coramfs {

/// What `stat` tells about a file or a directory.
struct file_status {
  std::uint64_t size;  ///< bytes; 0 for a directory
  std::chrono::system_clock::time_point created_at, modified_at;
  std::uint64_t generation;  ///< how often the content changed; 0 for a directory
  bool is_directory;
};

/// One directory of a `walk`: its path and the names in it, sorted.
struct walk_entry {
  std::string path;
  std::vector<std::string> directories, files;
};

/// What an operation does when something is at its destination.
enum class if_exists { fail, replace };

/// What an export takes.
struct export_options {
  bool only_dirty = false;  ///< only files whose generation is above 0
};
static_assert(std::is_trivially_destructible_v<export_options>);

/// Whole files by absolute path.
using file_map = std::map<std::string, bytes>;

}  // namespace coramfs
