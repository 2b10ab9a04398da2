// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "shared/command_line.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <variant>
#include <vector>

namespace etl_staging {

/// What the command line says.
struct settings {
  std::vector<std::filesystem::path> inputs{"/var/lib/dpkg/info"};
  std::size_t writers = 32;
  std::size_t threads = 4;
  std::size_t partitions = 16;
  std::uint64_t quota = 256 * 1024 * 1024;  ///< bytes
  std::chrono::milliseconds lock_timeout{30'000};
};

using shared::exit_failure, shared::exit_ok;

/// The settings; or the status to exit with, when help was asked for and shown, or when the
/// arguments are wrong and that was said on standard error.
std::variant<settings, int> parse_command_line(int argc, const char* const* argv);

}  // namespace etl_staging
