// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/options.hpp>
#include <coramfs/result.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coramfs {

/// What `stat` tells about a file or a directory.
struct file_status {
  std::uint64_t size;  ///< bytes; 0 for a directory
  /// Both are the creation at first. `modified_at` becomes the time of each change: of a file's
  /// content, or of a directory's entries. The system's clock ticks every few milliseconds.
  /// @{
  std::chrono::system_clock::time_point created_at, modified_at;
  /// @}
  /// How often the content has changed, which tells changes within one tick apart; 0 for a
  /// directory, and for a file that `copy_tree` or `import_tree` has just made.
  std::uint64_t generation;
  bool is_directory;  ///< else it is a file
  /// A number above 0 that no other file or directory of the volume has, or had. It stays through
  /// renames and changes; a copy, and what replaces another, has one of its own.
  std::uint64_t id;
  /// Bytes that the content is charged: with `accounting::memory` the memory that it has, as of the
  /// last change or close of a writer, and of a directory that of its table; with
  /// `accounting::payload` the size. What pins alone hold is not among it, and of blocks that are
  /// pinned when the file is changed some are not.
  std::uint64_t allocated;
};

/// What a directory has under a name.
struct directory_entry {
  std::string name;    ///< without a path
  file_status status;  ///< what `stat` would tell of it
};

/// What an iteration over a directory, or over all below it, has come to.
struct found_entry {
  std::string path;    ///< absolute
  file_status status;  ///< what `stat` would tell of it

  /// The last name of the path.
  std::string_view name() const noexcept {
    return std::string_view(path).substr(path.rfind('/') + 1);
  }
};

/// One directory of a `walk`: its absolute path, and the names in it, sorted as unsigned bytes.
struct walk_entry {
  std::string path;                      ///< absolute
  std::vector<std::string> directories;  ///< names
  std::vector<std::string> files;        ///< names
};

/// What an operation does when something is at its destination. `fail`: it fails with
/// `already_exists`. `replace`: it replaces that in one step, where it may.
enum class if_exists { fail, replace };

/// What an operation that removes, replaces or moves files does where one is open, or where
/// somebody waits for it.
enum class if_open : unsigned char {
  fail,  ///< it fails with `busy`
  wait,  ///< it waits for the file as an open for writing does, behind all who came before
  /// What is removed or replaced lives on without a name until it is closed. What is moved must not
  /// be in use.
  keep_unnamed,
};

/// How a file, or a tree, is removed.
struct remove_options {
  if_open open = if_open::fail;  ///< what happens if it is in use
  /// For how long `if_open::wait` waits, for each file anew. If empty, it is the volume's
  /// `default_lock_timeout`.
  std::optional<lock_timeout> timeout = {};
};

/// How something gets another name, or another place.
struct rename_options {
  if_exists existing = if_exists::fail;  ///< what happens to a file that has the name
  if_open open = if_open::fail;          ///< what happens if one of the two is in use
  /// For how long `if_open::wait` waits, for each file anew. If empty, it is the volume's
  /// `default_lock_timeout`.
  std::optional<lock_timeout> timeout = {};
};

/// How a copy is made.
struct copy_options {
  /// Where the bytes of a copy are. Either way it is a file of its own: what is written to one of
  /// the two never shows in the other.
  enum class content : unsigned char {
    own,  ///< in memory of its own
    /// Where those of the source are, until one of the two writes to them: no byte is copied. The
    /// first write to a block that is shared copies the block, 64 KiB or a chunk of up to 1 MiB,
    /// and fails where there is no room for that. `open_options::own` makes that room ahead.
    share,
  };

  constexpr copy_options() noexcept = default;
  /// With bytes of its own.
  constexpr copy_options(if_exists at_destination, if_open in_use = if_open::fail,
                         std::optional<lock_timeout> patience = {}) noexcept
      : existing(at_destination), open(in_use), timeout(patience) {}
  /// With its own or shared bytes.
  constexpr copy_options(enum content of, if_exists at_destination = if_exists::fail) noexcept
      : existing(at_destination), content(of) {}

  if_exists existing = if_exists::fail;  ///< what happens to what is at the destination
  enum content content = content::own;   ///< whether the bytes are shared with the source
  if_open open = if_open::fail;          ///< what happens if what is to be replaced is in use
  /// For how long `if_open::wait` waits. If empty, it is the volume's `default_lock_timeout`.
  std::optional<lock_timeout> timeout = {};
};

/// How files get their names.
struct naming_options {
  if_exists existing = if_exists::fail;  ///< what happens to a file that has the name
  /// Whether they count as files that were just made: with the generation 0, and modified when they
  /// were created.
  bool as_unchanged = false;
  if_open open = if_open::fail;  ///< what happens if a file that is to be replaced is in use
  /// For how long `if_open::wait` waits, for each file anew. If empty, it is the volume's
  /// `default_lock_timeout`.
  std::optional<lock_timeout> timeout = {};
};

/// How files are imported.
struct import_options {
  if_open open = if_open::fail;  ///< what happens if a file that is to be replaced is in use
  /// For how long `if_open::wait` waits, for each file anew. If empty, it is the volume's
  /// `default_lock_timeout`.
  std::optional<lock_timeout> timeout = {};
};

/// Which files an export takes.
struct export_options {
  bool only_dirty = false;  ///< only those whose generation is above 0
};

/// Whole files by their absolute paths.
using file_map = std::map<std::string, bytes>;

}  // namespace coramfs
