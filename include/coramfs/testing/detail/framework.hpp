// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>

#include <string>

namespace coramfs::testing::detail {

/// What a fixture has to know of the framework for tests that runs it, beside `failure_count`.
class framework {
 public:
  framework() = default;
  framework(const framework&) = delete;
  framework& operator=(const framework&) = delete;
  virtual ~framework() = default;

  /// The name of the test that runs now, as `suite.test`; empty if none does.
  virtual std::string test_name() const = 0;
  /// Has the test that runs now fail, which goes on. It must not throw.
  virtual void fail(const std::string& why) noexcept = 0;
  /// Whether the rest of the test is skipped, so that an exception that leaves it now is no
  /// failure.
  virtual bool was_skipped() const noexcept { return false; }
  /// Whether a failure is to leave its tree on disk.
  virtual bool may_export() const noexcept { return true; }
};

/// Has all fixtures that end from now on, and those that live, use this framework, until another is
/// named. Null: none, so that a failure goes to standard error and to the status of the process.
/// Returns what was used before.
CORAMFS_EXPORT framework* use_framework(framework* f) noexcept;

}  // namespace coramfs::testing::detail
