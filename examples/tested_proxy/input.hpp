// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "experiment.hpp"

#include <cstddef>
#include <filesystem>
#include <vector>

namespace tested_proxy {

/// The smallest files of a directory that are not empty, `most` of them.
///
/// Throws `std::runtime_error` if there is none, and `std::filesystem::filesystem_error`.
std::vector<original> smallest_files(const std::filesystem::path& directory, std::size_t most);

}  // namespace tested_proxy
