// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/testing/faults.hpp>

#include <cstddef>
#include <functional>
#include <string_view>

namespace coramfs::tests {

/// What the host can do, while it lives: the library's calls are answered as if the system had no
/// more than that. One at a time.
struct host_features {
  host_features() = default;
  host_features(const host_features&) = delete;
  host_features& operator=(const host_features&) = delete;
  ~host_features();
  void apply() const;

  bool has_openat2 = true;
  bool has_unnamed_files = true;
  bool has_proc = true;
  bool has_no_replace = true;
  bool tells_kinds = true;  ///< of what is in a directory
  bool knows_case = true;   ///< else names are taken for what they are in small letters
  int link_refusal = 0;     ///< the code that an unnamed file gets which asks for a name; 0: none
};

/// While it lives, the host can do the least, if that is asked for.
class least_host {
 public:
  explicit least_host(bool is_asked_for);

 private:
  host_features features_;
};

/// While it lives, each call of the host's by the library asks a policy before, at
/// `fault_point::host`, and fails with `code` if that says so. One at a time.
class host_faults {
 public:
  host_faults(testing::fault_policy& policy, int code);
  host_faults(const host_faults&) = delete;
  host_faults& operator=(const host_faults&) = delete;
  ~host_faults();

  bool has_failed() const;
  /// Which call that was.
  std::string_view which() const;
};

/// The `nth` call of the host's fails, counted from 1.
inline testing::fault_policy& nth_host_call(std::size_t nth) {
  return testing::fail_nth(testing::fault_point::host, static_cast<unsigned>(nth));
}

/// While it lives, it is told of each call of the host's by the library before it is made, in the
/// thread that makes it. One at a time.
class host_call_watch {
 public:
  explicit host_call_watch(std::function<void(std::string_view call)> told);
  host_call_watch(const host_call_watch&) = delete;
  host_call_watch& operator=(const host_call_watch&) = delete;
  ~host_call_watch();
};

}  // namespace coramfs::tests
