// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coramfs::tests {

/// Paths as the model understands them, without a thought for speed.
namespace naive_path {

/// The parts between slashes or backslashes, the empty ones left out.
std::vector<std::string> split(std::string_view text);

/// The one form that all names of a node come down to. Throws an `error`.
std::string normal(std::string_view text);

std::string parent(const std::string& path);
std::string name(const std::string& path);
std::string child(const std::string& parent, const std::string& name);
bool is_below(const std::string& path, const std::string& above);

/// Whether a glob gives this normal path. ASCII alone.
bool matches(std::string_view pattern, const std::string& path);

}  // namespace naive_path

}  // namespace coramfs::tests
