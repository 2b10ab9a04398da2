// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/host.hpp>
#include <coramfs/result.hpp>

#include "integrations/host/descriptor.hpp"
#include "integrations/host/directories_below.hpp"

#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace coramfs::detail {

/// What a walk of the host's has come to.
struct host_entry {
  std::string_view path;  ///< below the top; valid until the next call
  int directory;          ///< the descriptor of the directory that it is in; so is this
  const char* name;       ///< in that directory; and this
  bool is_directory;      ///< else it is a file, as far as the directory says
};

/// A walk through a tree of the host's from descriptor to descriptor, so that no link below the top
/// is followed: names sorted as unsigned bytes, and what is in a directory right behind it.
///
/// A directory is read whole before anything in it is given out, since others may change it. What
/// they remove before its turn is left out; a directory that they put into the place of another one
/// is not the one that was read, so what is left of that is left out, too.
///
/// There is one list of names for each level, and no recursion.
///
/// Thread safety: one thread at a time. All may block, and throw `std::bad_alloc`.
class host_walk {
 public:
  /// `most` is the size of the longest path that it may give out.
  host_walk(descriptor top, host_links special, std::size_t most) noexcept
      : below_(std::move(top)), special_(special), most_(most) {}

  /// Gives what comes next, or nothing at the end. It asks `stop` between any two names, and while
  /// it reads a directory.
  ///
  /// Errors, with `path()` as what they are about: `not_supported` for a link, a device, a pipe, a
  /// socket and a directory that is above itself, with `host_links::refuse`; `invalid_path` for a
  /// name with a backslash; `name_too_long`; the host's. `canceled`.
  result<std::optional<host_entry>> next(const std::stop_token& stop);
  /// What the last call was about.
  const std::string& path() const noexcept { return path_; }
  /// Whether an error that the host has told about an entry is to be taken for a link in its place.
  /// Returns the error that ends the walk, or nothing if the entry is left out.
  result<void> leave_out(const error& why) const noexcept;

 private:
  enum class kind : unsigned char { unknown, directory, file, special };
  struct name_in {
    std::string name;
    kind is;
  };
  struct level {
    std::vector<name_in> names;
    std::size_t done;
    std::size_t path_size;  // of its own path
    dev_t device;
    ino_t number;
  };

  result<int> directory_of(level& l);
  result<bool> enter(const std::stop_token& stop);
  static result<void> read_names(int directory, std::vector<name_in>& to,
                                 const std::stop_token& stop);
  result<kind> kind_of(int directory, const name_in& n) noexcept;
  void leave() noexcept;

  directories_below below_;
  const host_links special_;
  const std::size_t most_;
  std::vector<level> levels_;
  std::string path_;
  int in_ = -1;  // the directory of the last level; -1: it is yet to be opened again
  bool has_begun_ = false;
};

}  // namespace coramfs::detail
