// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/sync/file_system.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace archive_extraction {

/// The files below a directory of the volume and below a folder of the host's that are not in both,
/// or not the same. Symbolic links are in no volume, and of files with several names only one is.
std::vector<std::string> differences(coramfs::sync::file_system& files, const std::string& top,
                                     const std::filesystem::path& folder);

}  // namespace archive_extraction
