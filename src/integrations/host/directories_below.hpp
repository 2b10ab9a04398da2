// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>

#include "integrations/host/descriptor.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace coramfs::detail {

/// The directories below one of the host's, which are reached from descriptor to descriptor, so
/// that no link is followed, whatever others put in the place of a directory meanwhile.
///
/// The directory above the one that is asked for is mostly open from the call before. Of the open
/// ones the 64 that are nearest to it are kept, whatever the depth; for others it begins at the
/// top.
///
/// Thread safety: one thread at a time.
class directories_below {
 public:
  explicit directories_below(descriptor top) noexcept : top_(std::move(top)) {}

  /// Opens a directory by its path below the top, which is empty for the top itself. The descriptor
  /// is valid until the next call. Errors: `not_supported` for a link on the way; `not_a_directory`
  /// for anything else on it that is no directory; the host's. Throws `std::bad_alloc`.
  result<int> open(std::string_view path);
  /// The same, and makes the directory if it is missing; those above it must be there.
  result<int> make(std::string_view path, unsigned mode);

 private:
  struct level {
    std::string path;
    descriptor opened;
  };
  static constexpr std::size_t most_open = 64;

  result<descriptor> open_from(int above, const std::string& path);
  result<descriptor> open_at_once(int above, const std::string& path) noexcept;

  const descriptor top_;
  std::vector<level> open_;  // each is below the one before it
  bool has_openat2_ = true;  // until the system has said that it has not
};

}  // namespace coramfs::detail
