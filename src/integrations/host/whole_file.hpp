// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <coramfs/entries.hpp>
#include <coramfs/pinned.hpp>
#include <coramfs/result.hpp>

#include "integrations/host/descriptor.hpp"
#include "integrations/host/part_name.hpp"

#include <stop_token>
#include <string>
#include <utility>

namespace coramfs::detail {

/// What the file system of an export can not do. It is found out as it goes on, and is of that
/// export: another one may go to another file system.
struct host_limits {
  bool has_unnamed_files = true;  ///< O_TMPFILE, and a way to give such a file a name
  bool has_no_replace = true;     ///< RENAME_NOREPLACE
};

/// A file of the host that gets its name when it is whole. Until then it has none, or where the
/// file system does not know unnamed files, one that begins with a dot and ends in ".part", which
/// the destructor removes.
///
/// Thread safety: one thread at a time.
class whole_file {
 public:
  /// Makes it for a name in a directory, whose descriptor must stay open. Errors: the host's. May
  /// throw `std::bad_alloc`.
  static result<whole_file> make(int directory, std::string name, unsigned mode,
                                 host_limits& limits);

  whole_file(whole_file&& other) noexcept;
  whole_file& operator=(whole_file&&) = delete;
  ~whole_file();

  /// Writes its content. Errors: as `descriptor::write`, and it may throw as that.
  result<void> write(const pinned& content, const std::stop_token& stop) {
    return opened_.write(content, stop);
  }
  /// Errors: the host's, where the content can not be brought to the disk.
  result<void> sync() noexcept;
  /// Gives it its name, which it does not get if the system can not close it without an error, and
  /// closes it. Returns false where the system gives unnamed files no names after all: another one
  /// has to be made and written, which has a name from the beginning. Errors: `already_exists` for
  /// anything that has the name with `if_exists::fail`; `is_a_directory`; the host's.
  result<bool> appear(if_exists existing) noexcept;

 private:
  whole_file(int directory, std::string name, host_limits& limits) noexcept
      : directory_(directory), name_(std::move(name)), limits_(&limits) {}

  bool has_part() const noexcept { return part_.front() != '\0'; }
  result<void> make_part(unsigned mode) noexcept;
  bool can_not_appear() noexcept;
  result<void> close_copy() noexcept;
  result<void> link(const char* to) noexcept;
  result<void> rename_part(if_exists existing) noexcept;
  error why_in_the_way(const error& why) const noexcept;

  int directory_;
  std::string name_;
  host_limits* limits_;
  descriptor opened_;
  part_name part_{};  // the name that it has until it is whole; empty if it has none
};

}  // namespace coramfs::detail
