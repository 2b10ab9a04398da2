// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/detail/path_argument.hpp>
#include <coramfs/entries.hpp>
#include <coramfs/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace coramfs::detail {

/// A glob pattern, as `tree/pattern.hpp` has it.
class pattern;

/// A way through a directory, through all below it, or through all that matches a pattern, page by
/// page: says what is to be asked for next, and makes of it what the user is given. The asking is
/// the facades':
///
///     while (!walk.has_found()) {
///       if (!walk.go_on()) break;
///       if (!walk.has_found()) walk.take(/* the page, or the status, at that place */);
///     }
///     return walk.take_found();
///
/// It keeps what is still to be entered of the last page of each directory on the way down, and so
/// memory by the depth of the tree, but not by its size. Of a pattern that is what is still to be
/// given, too: there what is below a directory comes in front of those that are sorted behind it.
/// Directories that nothing can match in are not entered, and where only one name can match no page
/// is asked for.
///
/// Thread safety: one thread at a time.
class entry_walk {
 public:
  /// How far it goes.
  enum class depth : unsigned char { one_directory, all_below, matching };

  /// With `depth::matching`, `top` is a pattern.
  CORAMFS_EXPORT entry_walk(path_argument top, depth d) noexcept;
  CORAMFS_EXPORT entry_walk(entry_walk&& other) noexcept;
  CORAMFS_EXPORT entry_walk& operator=(entry_walk&& other) noexcept;
  CORAMFS_EXPORT ~entry_walk();

  /// Goes to the next place that something is to be asked about, unless it finds something on the
  /// way. Returns whether it does one of both. Errors: `invalid_path`, `name_too_long`,
  /// `out_of_memory`; it has ended then.
  CORAMFS_EXPORT result<bool> go_on() noexcept;

  /// Whether what is to be asked for is the status of the path, as that of the only name there that
  /// can match; else it is a page of the directory.
  CORAMFS_EXPORT bool wants_status() const noexcept;
  CORAMFS_EXPORT const std::string& path() const noexcept;
  /// The name behind which the page is to begin.
  CORAMFS_EXPORT const std::string& after() const noexcept;
  std::size_t page_size() const noexcept { return page_size_; }

  /// Takes that page, or that status. What is in a directory below the top that has gone is left
  /// out. Errors: those of the page, `out_of_memory`; it has ended then.
  /// @{
  CORAMFS_EXPORT result<void> take(result<std::vector<directory_entry>>&& page) noexcept;
  CORAMFS_EXPORT result<void> take(const result<file_status>& only) noexcept;
  /// @}

  /// Ends it. Returns the error, which names the call that has begun the walk.
  error end_with(const error& e) noexcept;

  CORAMFS_EXPORT bool has_found() const noexcept;
  CORAMFS_EXPORT std::vector<found_entry> take_found() noexcept;

  /// How much has been looked at since the last call, in entries.
  std::size_t take_work() noexcept;

 private:
  using places = std::vector<std::uint16_t>;  // in the pattern

  /// Something of a page that its turn has not come of: an entry, or, with a slash behind its name,
  /// a directory that is to be entered.
  struct pending {
    std::string name;
    file_status status;
    places at;
  };
  struct level {
    std::string path;   // absolute
    std::string after;  // the last name that was seen; or the path of the only one that can match
    places at;
    bool is_complete = false;
    bool wants_status = false;
    std::vector<pending> rest;  // of the last page, the next one last
  };
  struct pattern_end {
    CORAMFS_EXPORT void operator()(pattern* p) const noexcept;
  };

  void enter(std::string path, places at);
  void begin_pattern();
  result<void> leave_out(const error& why) noexcept;
  void take_page(std::vector<directory_entry>& page, bool is_complete);
  void add(level& to, directory_entry& e);

  path_argument top_;
  depth depth_;
  bool has_begun_ = false;
  std::size_t page_size_ = 256;
  std::size_t work_ = 0;
  std::unique_ptr<pattern, pattern_end> wanted_;
  std::vector<level> levels_;
  std::vector<found_entry> found_;
};

}  // namespace coramfs::detail
