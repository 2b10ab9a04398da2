// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/testing/detail/framework.hpp>

#include <string>
#include <thread>

namespace coramfs::detail {

/// Adds to `failure_count` what no framework counts.
void count_failure_without_framework() noexcept;

/// Whether a `quiet_failures` lives.
bool failures_are_quiet() noexcept;

/// The test that a fixture is a part of: what the framework knows of it, or without one what the
/// process can tell. The framework is looked for anew each time: its run may have ended meanwhile.
///
/// A run of an exploration is a test of its own. Without a framework its failure is told to
/// `explore` alone, whose caller decides what becomes of it.
class running_test {
 public:
  running_test();
  running_test(const running_test&) = delete;
  running_test& operator=(const running_test&) = delete;
  ~running_test();

  /// Whether this is another process than the one that the fixture was made in.
  bool is_elsewhere() const noexcept;
  /// Of several fixtures that live at the same time in one test, all but the first have a number.
  std::string name() const;

  void set_failed() noexcept { was_told_ = true; }
  bool was_skipped() const noexcept;
  /// Whether it has failed since this was made.
  bool has_failed() const;
  bool may_export() const noexcept;

  /// Has it fail, and says why.
  void fail(const std::string& why) const noexcept;
  /// Says that it has failed, if no framework does.
  void note_failure(const std::string& name) const noexcept;

 private:
  bool has_failed_itself() const noexcept;
  unsigned long failures_now() const;

  const bool is_explored_;
  const unsigned long failures_;
  const int exceptions_;
  const long process_;
  const std::thread::id thread_ = std::this_thread::get_id();
  const unsigned number_;
  bool was_told_ = false;
};

}  // namespace coramfs::detail
