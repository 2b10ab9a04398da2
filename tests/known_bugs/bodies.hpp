// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/testing/simulation.hpp>

#include <functional>
#include <string>
#include <vector>

namespace coramfs::tests {

/// A bug that was met once, and a test of it. By `fifo` nobody sees it.
struct known_bug {
  std::string name;
  /// The test, of what has the bug or of what is right, without coroutines that have nothing to do
  /// with it.
  std::function<void(testing::simulation&, bool has_bug)> body;
};

std::vector<known_bug> known_bugs();

/// Others that have nothing to do with a bug, and go on beside it.
void spawn_others(testing::simulation& sim);

}  // namespace coramfs::tests
