// SPDX-License-Identifier: BSL-1.0
#include "integrations/host/tree_export.hpp"

#include <coramfs/detail/host_error.hpp>

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coramfs::detail {

result<void> tree_export::begin() {
  if (::mkdir(dir_.c_str(), options_.directory_mode) == 0) {
    is_made_ = true;
  } else if (errno != EEXIST) {
    return noted({}, last_host_error());
  }
  auto top = open_at(AT_FDCWD, dir_.c_str(), O_RDONLY | O_DIRECTORY);
  if (!top) return noted({}, top.error());
  below_.emplace(std::move(top.value()));
  made_.emplace_back();
  return success();
}

result<void> tree_export::write(const std::vector<export_item>& items,
                                const std::stop_token& stop) {
  for (const export_item& item : items) {
    if (stop.stop_requested()) return errc::canceled;
    if (is_left_out(item.path)) continue;
    auto done = item.content ? write_file(item, stop) : make_directory(item.path);
    if (done || done.error() == errc::canceled) {
      BOOST_OUTCOME_TRY(done);
      continue;
    }
    return noted(item.path, done.error());
  }
  return success();
}

result<void> tree_export::make_directory(const std::string& path) {
  const auto made = below_->make(path, options_.directory_mode);
  if (made) {
    if (options_.sync == host_sync::data) made_.push_back(path);
    return success();
  }
  if (made.error() != errc::not_supported || options_.special != host_links::skip)
    return made.error();
  left_out_ = path;
  return success();
}

result<void> tree_export::write_file(const export_item& item, const std::stop_token& stop) {
  const std::size_t slash = item.path.rfind('/');
  const bool is_at_top = slash == item.path.npos;
  const auto in = below_->open(std::string_view(item.path).substr(0, is_at_top ? 0 : slash));
  if (!in) {
    const bool is_link = in.error() == errc::not_supported;
    if (!is_link || options_.special != host_links::skip) return in.error();
    left_out_ = item.path.substr(0, slash);
    return success();
  }
  const std::string name = item.path.substr(is_at_top ? 0 : slash + 1);
  for (bool has_appeared = false; !has_appeared;) {
    BOOST_OUTCOME_TRY(has_appeared, write_content(in.value(), name, *item.content, stop));
  }
  ++files_;
  return success();
}

result<bool> tree_export::write_content(int directory, const std::string& name,
                                        const pinned& content, const std::stop_token& stop) {
  BOOST_OUTCOME_TRY(auto file, whole_file::make(directory, name, options_.file_mode, limits_));
  BOOST_OUTCOME_TRY(file.write(content, stop));
  if (options_.sync == host_sync::data) {
    BOOST_OUTCOME_TRY(file.sync());
  }
  return file.appear(options_.existing);
}

result<void> tree_export::end() {
  if (options_.sync != host_sync::data) return success();
  // The deepest first: a directory that is on the disk has all that is in it there.
  for (auto path = made_.rbegin(); path != made_.rend(); ++path) {
    const auto number = below_->open(*path);
    if (!number) return noted(*path, number.error());
    const auto synced = sync_directory(number.value());
    if (!synced) return noted(*path, synced.error());
  }
  if (!is_made_) return success();
  const auto above = open_at(AT_FDCWD, (dir_ / "..").c_str(), O_RDONLY | O_DIRECTORY);
  if (!above) return noted({}, above.error());
  const auto synced = sync_directory(above.value().number());
  return synced ? success() : result<void>(noted({}, synced.error()));
}

result<void> tree_export::sync_directory(int number) noexcept {
  while (::fsync(number) != 0)
    if (errno != EINTR) return last_host_error();
  return success();
}

bool tree_export::is_left_out(std::string_view path) const noexcept {
  return !left_out_.empty() && path.size() > left_out_.size() && path[left_out_.size()] == '/' &&
         path.substr(0, left_out_.size()) == left_out_;
}

error tree_export::noted(const std::string& path, const error& why) const {
  return about_host_call(path.empty() ? dir_.native() : (dir_ / path).native(), why);
}

}  // namespace coramfs::detail
