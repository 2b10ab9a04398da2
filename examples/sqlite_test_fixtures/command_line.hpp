// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "shared/command_line.hpp"

#include <cstdint>
#include <filesystem>
#include <variant>

namespace sqlite_test_fixtures {

/// What the command line says.
struct settings {
  std::filesystem::path directory = "/usr/share/doc";
  std::filesystem::path folder = "/dev/shm";  ///< where files are copied for comparison
  unsigned tests = 100;
  std::uint64_t quota = 256 * 1024 * 1024;
};

using shared::exit_failure, shared::exit_ok;

/// The settings; or the status to exit with, when help was asked for and shown, or when the
/// arguments are wrong and that was said on standard error.
std::variant<settings, int> parse_command_line(int argc, const char* const* argv);

}  // namespace sqlite_test_fixtures
