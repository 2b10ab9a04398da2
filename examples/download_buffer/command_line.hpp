// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "shared/command_line.hpp"
#include "shared/url.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <variant>
#include <vector>

namespace download_buffer {

using shared::url;

/// What the command line says.
struct settings {
  std::vector<url> urls;  ///< none: serve a directory and download that
  std::filesystem::path serve = "/usr/include";
  std::size_t connections = 32;
  std::uint64_t quota = 256 * 1024 * 1024;  ///< bytes
  std::chrono::seconds stall_limit{30};
  bool waits = false;  ///< for space, and frees what is verified
  std::chrono::seconds longest_wait{60};
};

using shared::exit_failure, shared::exit_ok;

/// The settings; or the status to exit with, when help was asked for and shown, or when the
/// arguments are wrong and that was said on standard error.
std::variant<settings, int> parse_command_line(int argc, const char* const* argv);

}  // namespace download_buffer
