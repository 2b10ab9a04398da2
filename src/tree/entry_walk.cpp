// SPDX-License-Identifier: BSL-1.0
#include <coramfs/detail/entry_walk.hpp>

#include "core/path.hpp"

#include <algorithm>
#include <new>

namespace coramfs::detail {

namespace {

std::string below(const std::string& directory, const std::string& name) {
  return directory == "/" ? "/" + name : directory + "/" + name;
}

}  // namespace

result<bool> entry_walk::go_on() noexcept try {
  if (!std::exchange(has_begun_, true)) {
    path_buffer buffer;
    BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(top_));
    levels_.push_back({std::string(normal.text()), {}});
  }
  while (!levels_.empty()) {
    level& last = levels_.back();
    if (!last.directories.empty()) {
      std::string path = below(last.path, last.directories.back());
      last.directories.pop_back();
      levels_.push_back({std::move(path), {}});
    } else if (last.is_complete) {
      levels_.pop_back();
    } else {
      return true;
    }
  }
  return false;
} catch (const std::bad_alloc&) {
  levels_.clear();
  return errc::out_of_memory;
}

result<std::vector<found_entry>> entry_walk::take(
    result<std::vector<directory_entry>>&& page) noexcept try {
  if (page) return take_page(page.assume_value());
  const error e = page.error();
  const bool has_gone = e == errc::not_found || e == errc::not_a_directory;
  if (levels_.size() > 1 && has_gone) {
    levels_.pop_back();
    return std::vector<found_entry>();
  }
  levels_.clear();
  return e;
} catch (const std::bad_alloc&) {
  levels_.clear();
  return errc::out_of_memory;
}

// The directories are entered from the back of their list, in the order of the page.
std::vector<found_entry> entry_walk::take_page(std::vector<directory_entry>& page) {
  level& last = levels_.back();
  std::vector<found_entry> found;
  found.reserve(page.size());
  for (const directory_entry& e : page) found.push_back({below(last.path, e.name), e.status});
  last.is_complete = page.size() < page_size;
  if (!page.empty()) last.after = page.back().name;
  if (depth_ == depth::all_below)
    for (directory_entry& e : page)
      if (e.status.is_directory) last.directories.push_back(std::move(e.name));
  std::reverse(last.directories.begin(), last.directories.end());
  return found;
}

}  // namespace coramfs::detail
