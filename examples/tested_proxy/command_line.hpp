// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "proxy.hpp"
#include "shared/command_line.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>

namespace tested_proxy {

/// What the command line says.
struct settings {
  std::filesystem::path directory = "/usr/share/common-licenses";
  unsigned schedules = 10'000;
  build how = build::right;
  double faults = 0.002;
  std::optional<std::string> origin;  ///< a URL: then it serves
  std::uint16_t port = 0;
};

using shared::exit_failure, shared::exit_ok;

/// The settings; or the status to exit with, when help was asked for and shown, or when the
/// arguments are wrong and that was said on standard error.
std::variant<settings, int> parse_command_line(int argc, const char* const* argv);

}  // namespace tested_proxy
