// SPDX-License-Identifier: BSL-1.0
#include "integrations/host/whole_file.hpp"

#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coramfs::detail {

namespace {

// By it an unnamed file is given a name. It is a link, but in no directory of the user's.
std::string path_of_descriptor(int number) { return "/proc/self/fd/" + std::to_string(number); }

bool is_not_possible(const error& e) noexcept {
  return e == std::errc::operation_not_supported || e == std::errc::invalid_argument ||
         e == std::errc::is_a_directory || e == std::errc::function_not_supported;
}

// Some sandboxes and security policies let nobody make a link.
bool is_no_link_allowed(const error& e) noexcept {
  return e == std::errc::operation_not_permitted || e == std::errc::permission_denied ||
         e == std::errc::function_not_supported || e == std::errc::operation_not_supported;
}

}  // namespace

whole_file::whole_file(whole_file&& other) noexcept
    : directory_(other.directory_),
      name_(std::move(other.name_)),
      limits_(other.limits_),
      opened_(std::move(other.opened_)),
      part_(std::exchange(other.part_, part_name())) {}

whole_file::~whole_file() {
  if (has_part()) ::unlinkat(directory_, part_.data(), 0);
}

result<whole_file> whole_file::make(int directory, std::string name, unsigned mode,
                                    host_limits& limits) {
  whole_file file(directory, std::move(name), limits);
  if (limits.has_unnamed_files) {
    auto opened = open_at(directory, ".", O_TMPFILE | O_WRONLY, mode);
    if (opened) {
      // Where /proc is not mounted the file could never be given its name.
      file.opened_ = std::move(opened.value());
      const std::string path = path_of_descriptor(file.opened_.number());
      if (::faccessat(AT_FDCWD, path.c_str(), F_OK, 0) == 0) return file;
    } else if (!is_not_possible(opened.error())) {
      return opened.error();
    }
    limits.has_unnamed_files = false;
  }
  BOOST_OUTCOME_TRY(file.make_part(mode));
  return file;
}

result<void> whole_file::make_part(unsigned mode) noexcept {
  for (;;) {
    const part_name part = random_part();
    auto opened = open_at(directory_, part.data(), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, mode);
    if (!opened && opened.error() == std::errc::file_exists) continue;
    BOOST_OUTCOME_TRY(opened_, std::move(opened));
    part_ = part;
    return success();
  }
}

result<void> whole_file::sync() noexcept {
  while (::fdatasync(opened_.number()) != 0)
    if (errno != EINTR) return last_host_error();
  return success();
}

result<bool> whole_file::appear(if_exists existing) noexcept {
  if (!has_part()) {
    BOOST_OUTCOME_TRY(close_copy());
    auto linked = link(name_.c_str());
    if (linked) return true;
    if (is_no_link_allowed(linked.error())) return can_not_appear();
    const bool replaces = existing == if_exists::replace &&
                          linked.error() == std::errc::file_exists &&
                          why_in_the_way(linked.error()) != errc::is_a_directory;
    if (!replaces) return why_in_the_way(linked.error());
    part_name part = random_part();
    while (!(linked = link(part.data())) && linked.error() == std::errc::file_exists)
      part = random_part();
    if (!linked && is_no_link_allowed(linked.error())) return can_not_appear();
    BOOST_OUTCOME_TRYV(linked);
    part_ = part;
  }
  // Closed before it has its name: what a network file system could not write shows here.
  BOOST_OUTCOME_TRY(opened_.close());
  BOOST_OUTCOME_TRY(rename_part(existing));
  part_ = {};
  return true;
}

bool whole_file::can_not_appear() noexcept {
  limits_->has_unnamed_files = false;
  return false;
}

// An unnamed file has to be open to get its name. So a second descriptor is closed before that: the
// system tells then what it tells at the last one.
result<void> whole_file::close_copy() noexcept {
  const int number = ::fcntl(opened_.number(), F_DUPFD_CLOEXEC, 0);
  if (number < 0) return last_host_error();
  return descriptor(number).close();
}

result<void> whole_file::link(const char* to) noexcept {
  std::array<char, 32> path{};
  std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", opened_.number());
  if (::linkat(AT_FDCWD, path.data(), directory_, to, AT_SYMLINK_FOLLOW) != 0)
    return last_host_error();
  return success();
}

result<void> whole_file::rename_part(if_exists existing) noexcept {
  const char* const from = part_.data();
  const char* const to = name_.c_str();
  if (existing == if_exists::replace) {
    if (::renameat(directory_, from, directory_, to) == 0) return success();
    return why_in_the_way(last_host_error());
  }
  if (limits_->has_no_replace) {
    if (::renameat2(directory_, from, directory_, to, RENAME_NOREPLACE) == 0) return success();
    if (!is_not_possible(last_host_error())) return why_in_the_way(last_host_error());
    limits_->has_no_replace = false;
  }
  // A link replaces nothing either; the other name goes after that.
  if (::linkat(directory_, from, directory_, to, 0) != 0) return why_in_the_way(last_host_error());
  ::unlinkat(directory_, from, 0);
  return success();
}

// What the host says of a name that is taken, in our words: whether by a directory is not told by
// each of its calls.
error whole_file::why_in_the_way(const error& why) const noexcept {
  if (why != std::errc::file_exists && why != std::errc::is_a_directory) return why;
  struct stat found;
  const bool is_known = ::fstatat(directory_, name_.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0;
  return is_known && S_ISDIR(found.st_mode) ? errc::is_a_directory : errc::already_exists;
}

}  // namespace coramfs::detail
