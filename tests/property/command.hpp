// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "api/facade.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

namespace coramfs::tests {

enum class action {
  create_directories,
  create_directory,
  write_file,
  open,
  write,
  write_at,
  adopt,
  truncate,
  truncate_here,
  reserve,
  punch_hole,
  seek,
  read,
  read_at,
  read_all,
  close,
  drop,  // the handle itself
  rename,
  move,
  copy,
  copy_tree,
  remove,
  remove_in_turn,  // which it does not wait for
  take_name,       // of a file, which may be open
  remove_directory,
  remove_tree,
  set_modified,
  import_tree,
  read_file,
  export_tree,
  export_each,
  list,
  list_entries,
  walk,
  glob,
  look,
  fork,        // into a volume beside it
  end_volume,  // with what is open in it
};

/// One call with its arguments; an action uses those that it needs.
struct command {
  action what;
  std::size_t tree;  // which of the volumes
  std::size_t slot;  // which of its handles
  open_mode mode;
  if_exists existing;
  if_open in_use;
  enum copy_options::content content;
  bool owns;
  seek_from origin;
  std::string path, to, pattern;
  std::uint64_t size;    // of a buffer or a file
  std::uint64_t offset;  // or a limit
};

std::ostream& operator<<(std::ostream&, const command&);

using handles = std::array<std::unique_ptr<any_file>, 4>;

/// What was told of a call: its value, or its failure with its numbers.
struct outcome {
  std::string text;
  error failure{std::error_code()};
  bool failed() const { return static_cast<bool>(failure.code()); }
};

/// What a command is run on.
struct subject {
  any_file_system& fs;
  handles& open_files;
  // What the facades of tests do not have.
  std::function<result<void>(std::string_view from, std::string_view to, copy_options)> copy_tree;
  std::function<result<void>()> fork;  // and keeps what is made
};

/// Runs it, but for the end of a volume. `number` makes its content differ from that of others.
outcome perform(const subject&, const command&, std::size_t number);

}  // namespace coramfs::tests
