// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/result.hpp>
#include <coramfs/sync/file_system.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace ci_debug_export {

/// What can be wrong with a `splitter`, on purpose.
enum class bug {
  none,
  lost_line,  ///< the line that begins a new part is lost
  left_open,  ///< the text stays open until the next one
};

/// What is tested: it splits texts into parts of whole lines, as `split -C` does.
///
///     /in/GPL-3  ->  /parts/GPL-3/000, /parts/GPL-3/001, ...
class splitter {
 public:
  /// Parts have `size` bytes at most, but for one of a single line that is longer.
  splitter(std::uint64_t size, bug what) : size_(size), bug_(what) {}

  /// Splits `/in/NAME`, and closes all that it has opened.
  coramfs::result<void> split(coramfs::sync::file_system fs, const std::string& name);

 private:
  coramfs::result<void> add(coramfs::sync::file_system& fs, const std::string& directory,
                            std::string line);

  const std::uint64_t size_;
  const bug bug_;
  int parts_ = 0;
  std::optional<coramfs::sync::file> text_, part_;
};

}  // namespace ci_debug_export
