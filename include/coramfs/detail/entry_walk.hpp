// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/detail/path_argument.hpp>
#include <coramfs/entries.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace coramfs::detail {

/// A way through a directory, or through all below it, page by page: says which page is to be asked
/// for next, and makes of it what the user is given. The asking is the facades'.
///
/// It keeps what is still to be entered of the last page of each directory on the way down, and so
/// memory by the depth of the tree, but not by its size.
///
/// Thread safety: one thread at a time.
class entry_walk {
 public:
  /// How far it goes.
  enum class depth : unsigned char { one_directory, all_below };
  static constexpr std::size_t page_size = 256;

  entry_walk(path_argument top, depth d) noexcept : top_(std::move(top)), depth_(d) {}

  /// Goes to the directory that a page is to be taken from. Returns whether there is one. Errors:
  /// `invalid_path`, `name_too_long`, `out_of_memory`; it has ended then.
  CORAMFS_EXPORT result<bool> go_on() noexcept;
  /// The directory, and the name behind which the page is to begin.
  /// @{
  const std::string& path() const noexcept { return levels_.back().path; }
  const std::string& after() const noexcept { return levels_.back().after; }
  /// @}
  /// Takes that page. Returns its entries, or none where a directory below the top has gone.
  /// Errors: those of the page, `out_of_memory`; it has ended then.
  CORAMFS_EXPORT result<std::vector<found_entry>> take(
      result<std::vector<directory_entry>>&& page) noexcept;

 private:
  struct level {
    std::string path;   // absolute
    std::string after;  // the last name that was seen
    bool is_complete = false;
    std::vector<std::string> directories = {};  // of the last page, which are yet to be entered
  };

  std::vector<found_entry> take_page(std::vector<directory_entry>& page);

  path_argument top_;
  depth depth_;
  bool has_begun_ = false;
  std::vector<level> levels_;
};

}  // namespace coramfs::detail
