// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/entries.hpp>
#include <coramfs/host.hpp>

#include "integrations/host/tree_export.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// What an export takes, in its order, as it was found in the volume: directories, and files that
/// may be gone by their turn.
///
/// Guarded by its operation. All may throw `std::bad_alloc`.
class export_plan {
 public:
  struct entry {
    std::string from;  ///< in the volume; empty for a directory
    std::string to;    ///< below the directory of the export
  };

  /// All below a directory, whose walk it is.
  explicit export_plan(std::vector<walk_entry> walk) : walk_(std::move(walk)) {}
  /// One file.
  explicit export_plan(std::string path) : only_(std::move(path)) {}

  /// What comes next, or nothing at the end.
  std::optional<entry> next();

 private:
  std::string below(const std::string& path) const;

  std::optional<std::string> only_;
  std::vector<walk_entry> walk_;
  std::size_t directory_ = 0;
  std::size_t file_ = 0;  // of that directory; 0 also before the directory itself
  bool has_entered_ = false;
};

/// What is written to the host in one go.
///
/// Guarded by its operation.
class export_batch {
 public:
  explicit export_batch(const host_options& options) noexcept : most_files_(options.parallel) {}

  void add(export_item item);
  bool is_full() const noexcept;
  std::vector<export_item> take() noexcept;

 private:
  const unsigned most_files_;
  std::vector<export_item> items_;
  unsigned files_ = 0;
  std::size_t bytes_ = 0;
};

/// Whether a file could not be opened because others have removed it, or put something else there.
inline bool is_gone(const error& why) noexcept {
  return why == errc::not_found || why == errc::not_a_directory || why == errc::is_a_directory;
}

}  // namespace coramfs::detail
