// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/sync/file_system.hpp>

#include "differential/host.hpp"
#include "differential/rules.hpp"

#include <array>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace coramfs::tests {

/// A path as it is told to the library and to POSIX, and the one form of it.
struct path_pair {
  std::string ours, theirs, normal;
};

/// Runs random operations on a file system of the library's and on a directory of the host's,
/// both empty at first. Throws a `std::logic_error` at a difference that no rule names.
class comparison {
 public:
  comparison(storage_layout, host_directory&, std::mt19937_64&, rule_book&);

  /// Returns how many it ran: fewer where the trees have become too large.
  std::size_t run(std::size_t operations);

 private:
  struct handle {
    sync::file ours;
    host_file theirs;
    std::string path;
    open_mode mode;
  };

  void step();
  void step_on_file(handle&);
  void step_on_tree();

  void open();
  void write(handle&);
  void write_at(handle&);
  void truncate(handle&);
  void punch_hole(handle&);
  void seek(handle&);
  void compare_handle(handle&);
  void compare_trees();

  void create();
  void remove();
  void rename();
  void move();
  void copy();
  void copy_tree();
  void look();
  void list_or_glob();
  void whole_file();

  using host_call = std::function<answer()>;
  /// Compares what the library said with what the host says, unless a rule says that it is not to
  /// be asked.
  void settle(std::string_view what, const path_pair& p, const answer& ours,
              const host_call& theirs);
  bool is_not_asked(std::string_view what, const path_pair& p, const answer& ours);
  void compare(std::string_view what, const answer& ours, const answer& theirs);

  std::size_t below(std::size_t n) { return random_() % n; }
  path_pair any_path();
  std::string any_content();
  std::uint64_t any_number();
  handle& any_handle() { return handles_[below(handles_.size())]; }
  bool is_open_below(const std::string& path) const;
  void note(const std::string& line);

  const storage_layout layout_;
  sync::file_system ours_;
  host_directory& theirs_;
  std::mt19937_64& random_;
  rule_book& rules_;
  std::array<handle, 3> handles_;
  std::vector<std::string> log_;
};

}  // namespace coramfs::tests
