// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace coramfs::tests {

/// Where the library means to differ from POSIX. Every other difference is a failure.
enum class rule {
  backslash,
  text_dots,
  climbing,
  trailing_slash,
  paths_first,
  all_or_nothing,
  locks,
  busy,
  directory_in_any_mode,
  existing_directory,
  append_cursor,
  append_offset,
  pulled_cursor,
  not_readable,
  not_writable,
  no_gaps,
  chain_holes,
  file_in_the_way,
  root_stays,
  source_first,
  below_itself,
  ancestor,
  copy_onto_itself,
  tree_into_itself,
  whole_moves,
  count,
};

/// In the words of the specification.
inline constexpr std::array<std::string_view, static_cast<std::size_t>(rule::count)> rule_texts{
    "C2. A backslash is a separator, in every path and pattern",
    "C3. `..` is resolved in the text, before lookup: `/missing/../x` is `/x`",
    "C3. Climbing above the root at any point -> `invalid_path`",
    "C4. A trailing slash is dropped, after a file's name too",
    "A5. Order in a tree operation: option values; paths (`from` before `to`); the source",
    "A4. A failed operation leaves tree, content, sizes, [...] as before",
    "E1. A handle holds its file's lock from open to close: shared for `read`, else exclusive",
    "F2. `remove`, `remove_tree`, `rename`, `move` of a busy node, and replacing a busy file -> "
    "`busy`, at once, unless a `remove` is to take the name alone",
    "D2. A directory, in any mode -> `is_a_directory` (POSIX opens it for reading)",
    "D2. A directory, in any mode -> `is_a_directory` (POSIX: EEXIST for O_EXCL)",
    "D5. The cursor starts at 0, for `append` at the size",
    "D7. `write_at`: `offset` must be the size, else -> `not_supported`",
    "I3. Shorter: cut, and a cursor beyond n becomes n",
    "G4. On a write-only handle -> `not_readable`",
    "H7. On a `read` handle -> `not_writable`",
    "L2. a write that would leave a gap -> `not_supported`",
    "L10. `punch_hole` in a chain -> `not_supported`",
    "R2. A file at the path -> `already_exists`",
    "V2. the root -> `invalid_argument`",
    "S2. missing -> `not_found`, before `to` is looked at",
    "S3. `to` below `from` -> `invalid_argument`",
    "S6. file over directory -> `is_a_directory`",
    "U2. onto itself -> `already_exists`",
    "U6. `to` below `from` -> `invalid_argument`",
    "T1. a failed move leaves none [of the parents that it makes]",
};

/// How often each was what made a difference.
class rule_book {
 public:
  void apply(rule r) { ++used_[static_cast<std::size_t>(r)]; }
  std::uint64_t used(rule r) const { return used_[static_cast<std::size_t>(r)]; }

 private:
  std::array<std::uint64_t, static_cast<std::size_t>(rule::count)> used_{};
};

}  // namespace coramfs::tests
