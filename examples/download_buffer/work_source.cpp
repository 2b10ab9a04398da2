// SPDX-License-Identifier: BSL-1.0
#include "work_source.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

namespace download_buffer {

namespace {

// Where a URL's content goes. The name stays percent-encoded: decoded it could hold what
// separates directories in a volume.
std::string destination(const url& from) {
  std::string path = std::string(download_root) + '/' + shared::authority(from) + from.target;
  const std::size_t query = std::min(path.find('?'), path.size());
  if (path[query - 1] == '/') path.insert(query, "index.html");
  return path;
}

}  // namespace

url_list::url_list(const std::vector<url>& urls) {
  std::set<std::string> taken;
  for (const url& from : urls) {
    std::string to = destination(from);
    if (taken.insert(to).second) downloads_.push_back({from, std::move(to), {}, {}});
  }
}

std::optional<download> url_list::next() {
  if (next_ == downloads_.size()) return std::nullopt;
  return downloads_[next_++];
}

directory_walk::directory_walk(std::filesystem::path directory, url server, report& problems)
    : root_(std::move(directory)), server_(std::move(server)), problems_(problems) {
  directories_.emplace_back();
}

std::optional<download> directory_walk::next() {
  for (;;) {
    if (entries_ == std::filesystem::directory_iterator() && !open_next_directory())
      return std::nullopt;
    while (entries_ != std::filesystem::directory_iterator()) {
      const std::filesystem::directory_entry entry = *entries_;
      std::error_code error;
      entries_.increment(error);
      if (error) skip(root_ / current_, error.message());
      if (auto found = visit(entry)) return found;
    }
  }
}

bool directory_walk::open_next_directory() {
  while (!directories_.empty()) {
    current_ = std::move(directories_.back());
    directories_.pop_back();
    std::error_code error;
    entries_ = std::filesystem::directory_iterator(root_ / current_, error);
    if (!error) return true;
    skip(root_ / current_, error.message());
  }
  return false;
}

// Symbolic links, devices and what vanished meanwhile are passed over without a word.
std::optional<download> directory_walk::visit(const std::filesystem::directory_entry& entry) {
  std::error_code error;
  const std::filesystem::file_status status = entry.symlink_status(error);
  if (!is_directory(status) && !is_regular_file(status)) return std::nullopt;
  const std::string name = entry.path().filename().string();
  if (name.find('\\') != std::string::npos) {
    skip(entry.path(), "a backslash separates directories in a volume");
    return std::nullopt;
  }
  if (is_directory(status)) {
    directories_.push_back(current_ + name + '/');
    return std::nullopt;
  }
  host_file original{entry.path(), entry.file_size(error), {}};
  if (!error) original.modified_at = entry.last_write_time(error);
  if (error) return std::nullopt;
  return make_download(current_ + name, std::move(original));
}

void directory_walk::skip(const std::filesystem::path& path, const std::string& reason) {
  problems_.add(problem::failed, path.string(), reason);
}

download directory_walk::make_download(const std::string& name, host_file original) const {
  url from = server_;
  from.target = '/' + shared::percent_encode_path(name);
  return {std::move(from), std::string(download_root) + '/' + name, {}, std::move(original)};
}

}  // namespace download_buffer
