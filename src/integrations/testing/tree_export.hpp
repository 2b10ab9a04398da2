// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/volume.hpp>

#include <cstdint>
#include <string>

namespace coramfs::detail {

class simulation_core;

/// Where the tree of a failed test goes, and how much of it.
struct export_plan {
  std::string test;  ///< its name, `suite.test`
  std::uint64_t most;
  const simulation_core* simulation;  ///< null: there is none
};

/// Writes the tree to disk. Returns in words where that is, and how much. Throws what went wrong,
/// as a `std::exception`: something may have been written then.
std::string export_tree(const volume& v, const export_plan& plan);

}  // namespace coramfs::detail
