// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "shared/command_line.hpp"

#include <coramfs/options.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <variant>

namespace guarded_stream {

/// What the command line says. Sizes are in bytes.
struct settings {
  std::filesystem::path input = "/usr/bin";
  std::uint64_t quota = 16 * 1024 * 1024;
  std::uint64_t segment_size = 1024 * 1024;
  std::optional<coramfs::guard_action> guard = coramfs::guard_action::reject;  ///< none: off
  std::optional<std::uint64_t> machine_memory;  ///< none: what the machine says
};

using shared::exit_failure, shared::exit_ok;

/// The settings; or the status to exit with, when help was asked for and shown, or when the
/// arguments are wrong and that was said on standard error.
std::variant<settings, int> parse_command_line(int argc, const char* const* argv);

}  // namespace guarded_stream
