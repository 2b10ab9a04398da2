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
  /// Both are the creation at first. `modified_at` becomes the time of each change: of a file's
  /// content, or of a directory's entries. The system's clock ticks every few milliseconds.
  /// @{
  std::chrono::system_clock::time_point created_at, modified_at;
  /// @}
  /// How often the content has changed, which tells changes within one tick apart; 0 for a
  /// directory, and for a file that `copy_tree` or `import_tree` has just made.
  std::uint64_t generation;
  bool is_directory;  ///< else it is a file
};

/// One directory of a `walk`: its absolute path, and the names in it, sorted as unsigned bytes.
struct walk_entry {
  std::string path;                      ///< absolute
  std::vector<std::string> directories;  ///< names
  std::vector<std::string> files;        ///< names
};

/// What an operation does when something is at its destination. `fail`: it fails with
/// `already_exists`. `replace`: it replaces that in one step, where it may.
enum class if_exists { fail, replace };

/// How files get their names.
struct naming_options {
  if_exists existing = if_exists::fail;  ///< what happens to a file that has the name
  /// Whether they count as files that were just made: with the generation 0, and modified when they
  /// were created.
  bool as_unchanged = false;
};
// g++ 12 destroys some temporaries of a co_await expression twice.
static_assert(std::is_trivially_destructible_v<naming_options>);

/// Which files an export takes.
struct export_options {
  bool only_dirty = false;  ///< only those whose generation is above 0
};
// g++ 12 destroys some temporaries of a co_await expression twice.
static_assert(std::is_trivially_destructible_v<export_options>);

/// Whole files by their absolute paths.
using file_map = std::map<std::string, bytes>;

}  // namespace coramfs
