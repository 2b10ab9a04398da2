// SPDX-License-Identifier: BSL-1.0
#include "integrations/host/export_plan.hpp"

namespace coramfs::detail {

namespace {

constexpr std::size_t most_bytes = 1 << 20;
// Directories without a file in them are made in one go up to this number.
constexpr std::size_t most_directories = 256;

}  // namespace

std::optional<export_plan::entry> export_plan::next() {
  if (only_) {
    entry e{*only_, only_->substr(only_->rfind('/') + 1)};
    only_.reset();
    return e;
  }
  for (; directory_ < walk_.size(); ++directory_, file_ = 0, has_entered_ = false) {
    const walk_entry& in = walk_[directory_];
    if (!has_entered_ && directory_ > 0) {
      has_entered_ = true;
      return entry{{}, below(in.path)};
    }
    has_entered_ = true;
    if (file_ == in.files.size()) continue;
    std::string path = in.path;
    if (path.back() != '/') path += '/';
    path += in.files[file_++];
    entry e{std::move(path), {}};
    e.to = below(e.from);
    return e;
  }
  return std::nullopt;
}

std::string export_plan::below(const std::string& path) const {
  const std::string& top = walk_.front().path;
  return path.substr(top.size() + (top.back() == '/' ? 0 : 1));
}

void export_batch::add(export_item item) {
  if (item.content) {
    ++files_;
    bytes_ += item.content->size();
  }
  items_.push_back(std::move(item));
}

bool export_batch::is_full() const noexcept {
  return files_ >= most_files_ || bytes_ >= most_bytes || items_.size() >= most_directories;
}

std::vector<export_item> export_batch::take() noexcept {
  files_ = 0;
  bytes_ = 0;
  return std::exchange(items_, {});
}

}  // namespace coramfs::detail
