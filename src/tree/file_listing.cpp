// SPDX-License-Identifier: BSL-1.0
#include "tree/file_listing.hpp"

#include <algorithm>
#include <new>

namespace coramfs::detail {

progress file_listing::advance() noexcept {
  if (!status_) return progress::done;
  return progress_or_failure(step(), status_);
}

result<std::vector<std::string>> file_listing::outcome() noexcept {
  if (!status_) return status_.error();
  return sorted_.take();
}

result<progress> file_listing::step() noexcept try {
  if (stage_ == stage::sorts) return sorted_.step() ? progress::yields : progress::done;
  if (stage_ == stage::begins) {
    BOOST_OUTCOME_TRY(begin());
    stage_ = stage::descends;
  }
  if (descend() == progress::yields) return progress::yields;
  sorted_.begin(std::move(files_), longest_);
  stage_ = stage::sorts;
  return sorted_.step() ? progress::yields : progress::done;
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

// A path that names nothing has no files.
result<void> file_listing::begin() {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path_));
  const tree::shared_access access(volume_->names);
  const auto at = volume_->names.look_up(normal);
  if (!at || at.value().found == nullptr) return boost::outcome_v2::success();
  const node& top = *at.value().found;
  if (top.is_directory) {
    rest_.push(static_cast<const directory_node&>(top), descent_path(normal), {});
  } else {
    add(top, std::string(normal.text()));
    complete_ = files_.size();
  }
  return boost::outcome_v2::success();
}

progress file_listing::descend() {
  const tree::shared_access access(volume_->names);
  rest_.begin_hold();
  while (const place* const at = rest_.current(volume_->names))
    if (visit(*at) && !rest_.empty()) return progress::yields;
  files_.resize(complete_);
  return progress::done;
}

// True: a slice is done.
bool file_listing::visit(const place& at) {
  directory_scan& scan = rest_.scan();
  if (scan.resume(*at.directory)) {
    files_.resize(complete_);
    rest_.forget();
  }
  const bool is_slice = scan.advance(pace_, [&](const node& n) { see(at, n); });
  if (scan.is_complete()) {
    complete_ = files_.size();
    rest_.leave();
  }
  return is_slice;
}

void file_listing::see(const place& at, const node& n) {
  std::string path = join(at.path, n.name.view());
  pace_.add(path.size());
  if (n.is_directory) {
    rest_.push(static_cast<const directory_node&>(n), std::move(path), {});
  } else {
    add(n, std::move(path));
  }
}

void file_listing::add(const node& file, std::string path) {
  if (options_.only_dirty && static_cast<const file_node&>(file).status().generation == 0) return;
  longest_ = std::max(longest_, path.size());
  files_.push_back(std::move(path));
}

}  // namespace coramfs::detail
