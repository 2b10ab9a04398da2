// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/open_handle.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coramfs {

/// What an `error` is about, as it was when it was made.
struct error_details {
  /// The name of the call that failed, such as "open"; empty if nothing is known. It lives as long
  /// as the library.
  std::string_view operation;
  /// The path that failed: of a call with two of them the one that is meant, and for `busy` that of
  /// the file in use, which may be below the path of the call. Where a wait for a file below a
  /// directory has failed it is that of the directory. It is as the caller has written it; of one
  /// above 352 bytes the end is kept, behind "...".
  std::string path;
  /// For `busy`, `would_block` and `timed_out`: who had the file open. These are three at most;
  /// `holder_count` has all. Both are empty where it was in use by an operation without a handle,
  /// such as `read_file`, and where a wait for space has timed out.
  std::vector<open_handle> holders;
  std::uint64_t holder_count = 0;  ///< of all that had it open
  /// For the same codes: how many operations waited for the file's lock, the failed one not
  /// counted.
  std::uint64_t waiting = 0;
};

}  // namespace coramfs
