// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "shared/command_line.hpp"
#include "splitter.hpp"

#include <cstdint>
#include <filesystem>
#include <variant>
#include <vector>

namespace ci_debug_export {

/// What the command line says.
struct settings {
  std::vector<std::filesystem::path> inputs{"/usr/share/common-licenses"};
  std::uint64_t size = 4096;  ///< bytes of a part
  bug what = bug::none;
};

using shared::exit_failure, shared::exit_ok;

/// The settings; or the status to exit with, when help was asked for and shown, or when the
/// arguments are wrong and that was said on standard error.
std::variant<settings, int> parse_command_line(int argc, const char* const* argv);

}  // namespace ci_debug_export
