// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/sync/file_system.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace upload {

/// A file of this machine that is in the volume.
struct entry {
  std::filesystem::path original;
  std::string name;  ///< below the served root, with a slash in front
  std::uint64_t size;
  std::filesystem::file_time_type modified_at;
};

/// The directory of the volume that is served.
inline constexpr char served_root[] = "/www";

/// What was found below a directory.
struct catalogue {
  std::vector<entry> entries;  ///< in the volume
  std::uint64_t refused = 0;   ///< files that did not fit into the quota
  std::uint64_t skipped = 0;   ///< that could not be read whole, or have no name in a volume
};

/// Copies every regular file below `directory` into the volume. Symbolic links are not followed.
///
/// Throws `std::system_error` for what is no refusal of the quota.
catalogue load(const std::filesystem::path& directory, coramfs::sync::file_system files);

/// Whether the file is as it was when it was loaded. One of a living system may change meanwhile,
/// which is no fault of the copy.
bool is_unchanged(const entry& e);

}  // namespace upload
