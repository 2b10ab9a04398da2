// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace sqlite_test_fixtures {

/// What one way has taken.
struct timing {
  std::string name;
  double microseconds = 0;  ///< for a test, the database made and thrown away
  unsigned failed = 0;
};

struct report {
  std::uint64_t files = 0;           ///< in the catalogue
  std::uint64_t database_bytes = 0;  ///< its size
  std::uint64_t fork_bytes = 0;      ///< what a fork is charged before a test has changed anything
  std::uint64_t changed_bytes = 0;   ///< the same after a test
  unsigned tests = 0;                ///< for each way
  std::vector<timing> ways = {};
};

void print(std::ostream& out, const report& r);

}  // namespace sqlite_test_fixtures
