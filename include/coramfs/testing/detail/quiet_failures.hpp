// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>

namespace coramfs::testing::detail {

/// Has the library ask a framework for tests not to tell anybody of what fails, while a failure
/// that is known already is made smaller, and its test runs again and again: `quiet(true)` before
/// that, and `quiet(false)` after it. What has failed is counted all the same meanwhile, so that
/// `failure_count` tells of it, and what the framework counts for itself is afterwards as it was.
/// With null, a framework says that it can not be kept quiet.
CORAMFS_EXPORT void quiet_failures_by(void (*quiet)(bool)) noexcept;

/// Whether somebody can.
CORAMFS_EXPORT bool can_quiet_failures() noexcept;

/// While one lives, failures are quiet, if they can be, and fixtures leave no tree on disk. There
/// is one at a time.
class CORAMFS_EXPORT quiet_failures {
 public:
  quiet_failures();
  quiet_failures(const quiet_failures&) = delete;
  quiet_failures& operator=(const quiet_failures&) = delete;
  ~quiet_failures();

 private:
  void (*const quiet_)(bool);
};

}  // namespace coramfs::testing::detail
