// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "shared/size.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <string>

namespace shared {

/// Adds an option for a number of bytes. `initial` is how the help writes what it is by itself.
inline CLI::Option* add_size(CLI::App& app, const char* name, std::uint64_t& size,
                             const std::string& initial, const std::string& meaning) {
  const auto read = [&size, name](const std::string& text) {
    const auto parsed = parse_size(text);
    if (!parsed) throw CLI::ValidationError(name, text + " is no size like 64K, 1MiB or 1.5G");
    size = *parsed;
  };
  return app.add_option_function<std::string>(name, read, meaning)
      ->option_text(initial.empty() ? "SIZE" : "SIZE [" + initial + ']');
}

/// The option that most programs have.
inline CLI::Option* add_quota(CLI::App& app, std::uint64_t& quota, const std::string& initial) {
  return add_size(app, "--quota", quota, initial,
                  "The limit, in bytes or with a unit: 64K, 1MiB, 1.5G; K is 1024 bytes");
}

}  // namespace shared
