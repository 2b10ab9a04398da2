// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "shared/command_line.hpp"

#include <coramfs/sqlite.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <variant>

namespace sqlite_shared_store {

/// What the command line says.
struct settings {
  std::filesystem::path directory = "/usr/share/doc";
  std::optional<std::filesystem::path> database;  ///< on disk: where it comes from, and goes to
  unsigned connections = 8;
  coramfs::sqlite::store_kind kind = coramfs::sqlite::store_kind::hot;
  std::uint64_t quota = 256 * 1024 * 1024;
};

using shared::exit_failure, shared::exit_ok;

/// The settings; or the status to exit with, when help was asked for and shown, or when the
/// arguments are wrong and that was said on standard error.
std::variant<settings, int> parse_command_line(int argc, const char* const* argv);

}  // namespace sqlite_shared_store
