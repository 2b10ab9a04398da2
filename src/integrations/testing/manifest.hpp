// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "integrations/testing/tree_snapshot.hpp"

#include <string>
#include <string_view>

namespace coramfs::detail {

class simulation_core;

inline constexpr const char* manifest_file = "manifest.txt";
inline constexpr const char* stats_file = "stats.txt";
inline constexpr const char* seed_file = "seed.txt";
/// What a manifest begins with, by which a folder is known.
inline constexpr std::string_view manifest_mark = "coramfs tree 1\n";

/// The contents of the three files that a tree has on disk beside its own.
/// @{
std::string manifest_of(const tree_snapshot& s, const std::string& test);
std::string stats_text(const tree_snapshot& s);
std::string seed_text(const simulation_core& core);
/// @}

}  // namespace coramfs::detail
