// SPDX-License-Identifier: BSL-1.0
#include "integrations/host/host_walk.hpp"

#include <coramfs/detail/normal_text.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

namespace coramfs::detail {

namespace {

bool has_gone(const error& why) noexcept {
  return why == std::errc::no_such_file_or_directory || why == errc::not_a_directory;
}

}  // namespace

result<std::optional<host_entry>> host_walk::next(const std::stop_token& stop) {
  if (!std::exchange(has_begun_, true)) {
    BOOST_OUTCOME_TRY(enter(stop));
  }
  while (!levels_.empty()) {
    if (stop.stop_requested()) return errc::canceled;
    level& l = levels_.back();
    path_.resize(l.path_size);
    if (l.done == l.names.size()) {
      leave();
      continue;
    }
    const auto in = directory_of(l);
    if (!in && !has_gone(in.error())) {
      BOOST_OUTCOME_TRY(leave_out(in.error()));
    }
    if (!in) {
      leave();
      continue;
    }
    const name_in& n = l.names[l.done++];
    if (!path_.empty()) path_ += '/';
    const std::size_t name_begin = path_.size();
    path_ += n.name;
    const auto is = kind_of(in.value(), n);
    if (!is && has_gone(is.error())) continue;
    BOOST_OUTCOME_TRYV(is);
    if (is.value() == kind::special) {
      BOOST_OUTCOME_TRY(leave_out(errc::not_supported));
      continue;
    }
    if (n.name.find('\\') != n.name.npos) return errc::invalid_path;
    if (n.name.size() > max_name_size || path_.size() > most_) return errc::name_too_long;
    if (is.value() == kind::file)
      return host_entry{path_, in.value(), path_.c_str() + name_begin, false};
    BOOST_OUTCOME_TRY(const bool has_entered, enter(stop));
    if (has_entered) return host_entry{path_, in_, path_.c_str() + name_begin, true};
  }
  return std::nullopt;
}

result<void> host_walk::leave_out(const error& why) const noexcept {
  const bool is_link = why == errc::not_supported ||
                       why == std::errc::too_many_symbolic_link_levels ||
                       why == std::errc::no_such_device_or_address;
  if (!is_link) return why;
  return special_ == host_links::skip ? result<void>(success()) : errc::not_supported;
}

// The directory that is gone on with. It may have been closed while those below it were open, and
// is known by its number then.
result<int> host_walk::directory_of(level& l) {
  if (in_ >= 0) return in_;
  BOOST_OUTCOME_TRY(const int opened, below_.open(path_));
  struct stat found;
  if (::fstat(opened, &found) != 0) return last_host_error();
  if (found.st_dev != l.device || found.st_ino != l.number)
    return std::make_error_code(std::errc::no_such_file_or_directory);
  return in_ = opened;
}

// Opens the directory that the path names and reads it. Returns false if it is left out.
result<bool> host_walk::enter(const std::stop_token& stop) {
  in_ = -1;
  const auto opened = below_.open(path_);
  if (!opened && has_gone(opened.error())) return false;
  if (!opened) {
    BOOST_OUTCOME_TRY(leave_out(opened.error()));
    return false;
  }
  struct stat found;
  if (::fstat(opened.value(), &found) != 0) return last_host_error();
  const bool is_above_itself = std::any_of(levels_.begin(), levels_.end(), [&](const level& l) {
    return l.device == found.st_dev && l.number == found.st_ino;
  });
  if (is_above_itself) {
    BOOST_OUTCOME_TRY(leave_out(errc::not_supported));
    return false;
  }
  level l{{}, 0, path_.size(), found.st_dev, found.st_ino};
  BOOST_OUTCOME_TRY(read_names(opened.value(), l.names, stop));
  levels_.push_back(std::move(l));
  in_ = opened.value();
  return true;
}

// A name that others put there again while it is read may come twice.
result<void> host_walk::read_names(int directory, std::vector<name_in>& to,
                                   const std::stop_token& stop) {
  alignas(dirent64) std::array<std::byte, 32 * 1024> buffer;
  for (;;) {
    if (stop.stop_requested()) return errc::canceled;
    const ssize_t size = ::getdents64(directory, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    // It was removed meanwhile, and nothing is in it any more.
    if (size < 0 && errno == ENOENT) break;
    if (size < 0) return last_host_error();
    if (size == 0) break;
    for (ssize_t at = 0; at < size;) {
      const auto* const e = reinterpret_cast<const dirent64*>(buffer.data() + at);
      at += e->d_reclen;
      const std::string_view name = e->d_name;
      if (name == "." || name == "..") continue;
      kind is = kind::special;
      if (e->d_type == DT_UNKNOWN) is = kind::unknown;
      if (e->d_type == DT_DIR) is = kind::directory;
      if (e->d_type == DT_REG) is = kind::file;
      to.push_back({std::string(name), is});
    }
  }
  std::sort(to.begin(), to.end(),
            [](const name_in& a, const name_in& b) { return a.name < b.name; });
  const auto last = std::unique(
      to.begin(), to.end(), [](const name_in& a, const name_in& b) { return a.name == b.name; });
  to.erase(last, to.end());
  return success();
}

// Some file systems do not tell it with the name.
result<host_walk::kind> host_walk::kind_of(int directory, const name_in& n) noexcept {
  if (n.is != kind::unknown) return n.is;
  struct stat found;
  if (::fstatat(directory, n.name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0)
    return last_host_error();
  if (S_ISDIR(found.st_mode)) return kind::directory;
  return S_ISREG(found.st_mode) ? kind::file : kind::special;
}

void host_walk::leave() noexcept {
  levels_.pop_back();
  in_ = -1;
}

}  // namespace coramfs::detail
