// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/detail/path_argument.hpp>
#include <coramfs/error.hpp>
#include <coramfs/open_options.hpp>

#include "core/label_text.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace coramfs::detail {

/// The calls of the public interface, as errors name them.
enum class call : std::uint8_t {
  unknown,
  open,
  open_unnamed,
  give_name,
  give_names,
  create_directory,
  create_directories,
  remove,
  remove_directory,
  remove_tree,
  rename,
  move,
  copy,
  copy_tree,
  fork,
  list,
  list_entries,
  list_some,
  each,
  each_below,
  each_match,
  walk,
  glob,
  stat,
  set_modified,
  file_size,
  read_file,
  read_text,
  write_file,
  export_tree,
  export_each,
  import_tree,
  read,
  write,
  truncate,
  seek,
  tell,
  size,
  next_data,
  next_hole,
  flush,
  reserve,
  punch_hole,
  pin,
  prepare,
  commit,
  announce,
  finish,
  abandon,
  follow,
  fetch,
  next,
  export_to_host,
  import_from_host,
  to_memfd,
  from_memfd,
  expand_archive,
  expand_archive_streaming,
  expand_each,
  expand_arriving,
  list_archive,
  create_archive,
};

/// Its name; empty for `unknown`.
std::string_view name_of(call c) noexcept;

/// A handle that has a file open.
struct lock_holder {
  std::chrono::steady_clock::duration since;  ///< the time of the clock when it was opened
  std::uint8_t mode;                          ///< an `open_mode`
  label_text label;
};

/// Who has a file open, and how many wait for it.
struct lock_state {
  static constexpr std::size_t most_holders = 3;  ///< that are known by name

  void add(const lock_holder& h) noexcept {
    if (holder_count < most_holders) holders[holder_count] = h;
    ++holder_count;
  }

  std::array<lock_holder, most_holders> holders;
  std::uint32_t holder_count = 0;
  std::uint32_t waiting = 0;
  std::chrono::steady_clock::duration seen_at{};  ///< the time of the clock
};

/// Notes what an error is about, as far as no note of it says so already: whoever is nearest to the
/// failure knows the path best, and whoever is farthest knows the call. Returns the error with its
/// note. A foreign code other than the system's has no note, and is returned as it is.
///
/// It costs a hundred instructions or so, and neither allocates nor waits. Thread safety: may be
/// called in any thread, with any locks held.
error about(call by, std::string_view path, const error& e) noexcept;
/// The same, with who has the file open.
error about(call by, std::string_view path, const error& e, const lock_state& l) noexcept;

/// The same in the name of a call that is made of others: it takes the place of the one that the
/// note names.
error about_instead(call by, std::string_view path, const error& e) noexcept;

/// Returns the result of `act`, with a note if it is an error.
template <class Act>
auto noting(call by, const path_argument& path, Act act) noexcept {
  auto outcome = act();
  if (!outcome.has_value()) outcome = about(by, path.view(), outcome.assume_error());
  return outcome;
}

}  // namespace coramfs::detail
