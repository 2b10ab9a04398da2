// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "proxy.hpp"

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

inline constexpr int exit_ok = 0, exit_failure = 1, exit_usage = 2;

/// The settings; or the status to exit with, when help was asked for and shown, or when the
/// arguments are wrong and that was said on standard error.
std::variant<settings, int> parse_command_line(int argc, const char* const* argv);

}  // namespace tested_proxy
