// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace etl_staging {

/// The lists to read: a file stands for itself, a directory for the files in it that are called
/// *.md5sums, in the order of their names. Throws `std::filesystem::filesystem_error`.
std::vector<std::filesystem::path> find_lists(const std::vector<std::filesystem::path>& places);

/// All that a file of this machine holds.
coramfs::result<std::string> read_text(const std::filesystem::path& file);

}  // namespace etl_staging
