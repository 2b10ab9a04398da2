// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "shared/command_line.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <variant>

namespace upload {

/// What the command line says.
struct settings {
  std::filesystem::path directory = "/usr/include";
  std::size_t connections = 32;
  std::uint64_t quota = 1024 * 1024 * 1024;  ///< bytes
};

using shared::exit_failure, shared::exit_ok;

/// The settings; or the status to exit with, when help was asked for and shown, or when the
/// arguments are wrong and that was said on standard error.
std::variant<settings, int> parse_command_line(int argc, const char* const* argv);

}  // namespace upload
