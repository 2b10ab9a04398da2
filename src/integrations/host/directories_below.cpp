// SPDX-License-Identifier: BSL-1.0
#include "integrations/host/directories_below.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#endif

namespace coramfs::detail {

namespace {

bool is_at_or_below(std::string_view path, std::string_view above) noexcept {
  return path.substr(0, above.size()) == above &&
         (path.size() == above.size() || path[above.size()] == '/');
}

std::string_view parent_of(std::string_view path) noexcept {
  const std::size_t at = path.rfind('/');
  return at == path.npos ? std::string_view() : path.substr(0, at);
}

// What stands in the way of a directory, after an attempt to open it has failed with `why`: of a
// link the system says the same as of a file, or that it would lead out of the tree. Where there is
// a directory now, somebody has put it into the place of what was there, and that was a link as
// likely as not.
error why_not_opened(int above, const char* name, const error& why) noexcept {
  if (why == std::errc::too_many_symbolic_link_levels || why == std::errc::cross_device_link)
    return errc::not_supported;
  if (why != std::errc::not_a_directory) return why;
  struct stat found;
  if (::fstatat(above, name, &found, AT_SYMLINK_NOFOLLOW) != 0) return why;
  const bool may_be_link = S_ISLNK(found.st_mode) || S_ISDIR(found.st_mode);
  return may_be_link ? errc::not_supported : errc::not_a_directory;
}

}  // namespace

result<int> directories_below::open(std::string_view path) {
  while (!open_.empty() && !is_at_or_below(path, open_.back().path)) open_.pop_back();
  if (path.empty()) return top_.number();
  if (!open_.empty() && open_.back().path.size() == path.size())
    return open_.back().opened.number();
  const int above = open_.empty() ? top_.number() : open_.back().opened.number();
  const std::size_t done = open_.empty() ? 0 : open_.back().path.size() + 1;
  BOOST_OUTCOME_TRY(auto opened, open_from(above, std::string(path.substr(done))));
  if (open_.size() == most_open) open_.erase(open_.begin());
  open_.push_back({std::string(path), std::move(opened)});
  return open_.back().opened.number();
}

result<int> directories_below::make(std::string_view path, unsigned mode) {
  if (path.empty()) return top_.number();
  const std::string_view above = parent_of(path);
  BOOST_OUTCOME_TRY(const int in, open(above));
  const std::string name(path.substr(above.empty() ? 0 : above.size() + 1));
  if (::mkdirat(in, name.c_str(), mode) != 0 && errno != EEXIST) return last_host_error();
  return open(path);
}

result<descriptor> directories_below::open_from(int above, const std::string& path) {
  if (has_openat2_) {
    auto opened = open_at_once(above, path);
    if (opened || has_openat2_) return opened;
  }
  descriptor last;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    auto next = open_at(above, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!next) return why_not_opened(above, name.c_str(), next.error());
    last = std::move(next.value());
    above = last.number();
    begin = end + 1;
  }
  return last;
}

// Many levels by one call. Where the system can not do that, has_openat2_ is false from then on.
// The call may fail with EAGAIN for what others do to other directories, and then is tried again a
// few times; after that the levels are opened one by one.
result<descriptor> directories_below::open_at_once(int above, const std::string& path) noexcept {
#if defined(SYS_openat2) && defined(RESOLVE_BENEATH)
  struct open_how how {};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  for (int attempts = 0; attempts < 32; ++attempts) {
    const long number = ::syscall(SYS_openat2, above, path.c_str(), &how, sizeof how);
    if (number >= 0) return descriptor(static_cast<int>(number));
    if (errno == EINTR || errno == EAGAIN) continue;
    const bool is_missing = errno == ENOSYS || errno == EPERM || errno == EINVAL || errno == E2BIG;
    if (!is_missing) return why_not_opened(above, path.c_str(), last_host_error());
    break;
  }
#endif
  has_openat2_ = false;
  return errc::not_supported;
}

}  // namespace coramfs::detail
