// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/volume.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;

namespace sqlite_test_fixtures {

/// A way to give each test a database of its own, with the content of one that was made before. A
/// way that fails throws.
class fixture {
 public:
  fixture() = default;
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;
  virtual ~fixture() = default;

  virtual std::string_view name() const = 0;
  /// Makes a database, has a test use it, and throws it away.
  virtual void give_to(const std::function<void(sqlite3*)>& test) = 0;
};

/// The database that all tests begin with: a file of a volume, which nobody has open.
struct master {
  coramfs::volume in;
  std::string path;
};

/// All ways that are compared. `folder` is on the disk, or on tmpfs, and must outlive them.
std::vector<std::unique_ptr<fixture>> all_fixtures(const master& of,
                                                   const std::filesystem::path& folder);

}  // namespace sqlite_test_fixtures
