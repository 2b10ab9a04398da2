// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/export.hpp>
#include <coramfs/volume.hpp>

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace coramfs::testing {

/// A tree of files with their contents, and of directories: what a test begins with, or expects.
///
/// Paths begin with a slash, and have no `.`, no `..`, no backslash and no NUL. A path that ends in
/// a slash is that of a directory; those above a file are there by themselves.
///
/// Thread safety: distinct objects, safe; shared objects, as a container of the standard library.
class CORAMFS_EXPORT tree_of {
 public:
  /// By absolute paths without a slash at their end: the content of a file, or nothing for a
  /// directory. The root is not among them.
  using entry_map = std::map<std::string, std::optional<std::string>>;

  /// The root alone.
  tree_of() = default;
  /// All that a volume has. Throws `std::runtime_error` if a file can not be read, such as one that
  /// somebody writes to, and `std::bad_alloc`.
  explicit tree_of(const volume& v);

  /// Adds a file, with the directories above it, or a directory. Throws `std::invalid_argument`,
  /// and changes nothing, if that is no such path, if it is there already as something else or with
  /// another content, or if something above it is a file.
  /// @{
  tree_of& file(const std::string& path, std::string content);
  tree_of& directory(const std::string& path);
  /// @}

  /// What there is.
  const entry_map& entries() const noexcept { return entries_; }

  /// Whether both have the same.
  friend bool operator==(const tree_of&, const tree_of&) = default;

 private:
  entry_map entries_;
};

/// A tree in one line: paths with contents, and directories, whose paths end in a slash and whose
/// contents are empty. Throws `std::invalid_argument` as `tree_of` does, and for a directory with a
/// content.
///
///     const auto expected = coramfs::testing::files({{"/in/a", "x"}, {"/empty/", ""}});
CORAMFS_EXPORT tree_of files(std::initializer_list<std::pair<std::string, std::string>> all);

/// Makes what a tree has in a volume, where files take the place of files. Throws
/// `std::runtime_error` if the volume refuses a part of it; what was made before stays.
CORAMFS_EXPORT void fill(const volume& v, const tree_of& from);

/// What a volume has otherwise than it should: empty if nothing, else a line for each path. `+` is
/// what the volume has beyond `expected`, `-` what it lacks, and `~` what differs, with the first
/// bytes that do, as text or, where they are none, in hexadecimal:
///
///     + /in/b.part: 3 bytes: "abc"
///     - /out/
///     ~ /in/a: 5 bytes, not 4; from byte 2 on "xyz" and not "zz"
///
/// After 100 lines it only counts. A file that somebody writes to can not be compared, and is said
/// to differ; nothing waits. Throws `std::bad_alloc`.
CORAMFS_EXPORT std::string difference(const volume& v, const tree_of& expected);

}  // namespace coramfs::testing
