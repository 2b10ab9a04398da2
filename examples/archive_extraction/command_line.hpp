// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "shared/command_line.hpp"

#include <cstdint>
#include <filesystem>
#include <variant>
#include <vector>

namespace archive_extraction {

/// What the command line says.
struct settings {
  std::vector<std::filesystem::path> archives;                 ///< or none: some of this machine
  std::filesystem::path packages = "/var/cache/apt/archives";  ///< where Debian keeps some
  std::filesystem::path directory = "/usr/share/doc";          ///< what some are made of
  unsigned most = 5;                                           ///< packages
  std::uint64_t quota = 1024 * 1024 * 1024;
};

using shared::exit_failure, shared::exit_ok;

/// The settings; or the status to exit with, when help was asked for and shown, or when the
/// arguments are wrong and that was said on standard error.
std::variant<settings, int> parse_command_line(int argc, const char* const* argv);

}  // namespace archive_extraction
