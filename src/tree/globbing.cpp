// SPDX-License-Identifier: BSL-1.0
#include "tree/globbing.hpp"

#include <algorithm>
#include <new>

namespace coramfs::detail {

progress globbing::advance() noexcept {
  if (!status_) return progress::done;
  return progress_or_failure(step(), status_);
}

result<std::vector<std::string>> globbing::outcome() noexcept {
  if (!status_) return status_.error();
  return sorted_.take();
}

result<progress> globbing::step() noexcept try {
  if (!wanted_) {
    BOOST_OUTCOME_TRY(begin());
  }
  if (!sorts_) {
    if (descend()) return progress::yields;
    sorted_.begin(std::move(found_), longest_);
    sorts_ = true;
  }
  return sorted_.step() ? progress::yields : progress::done;
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

result<void> globbing::begin() {
  if (!text_.valid()) return errc::out_of_memory;
  if (text_.view().size() > pattern::max_size) return errc::name_too_long;
  wanted_.emplace(text_.view());
  const tree::shared_access access(volume_->names);
  rest_.push(volume_->names.root(), {}, wanted_->start());
  return boost::outcome_v2::success();
}

// True: a slice is done, and there is more.
bool globbing::descend() {
  const tree::shared_access access(volume_->names);
  rest_.begin_hold();
  while (const place* const at = rest_.current(volume_->names))
    if (visit(*at) && !rest_.empty()) return true;
  found_.resize(complete_);
  return false;
}

// True: a slice is done.
bool globbing::visit(const place& at) {
  const auto name = wanted_->only_name(at.note);
  if (!name) return scan(at);
  found_.resize(complete_);
  if (const node* const n = at.directory->entries.find(*name)) see(at, *n);
  complete_ = found_.size();
  rest_.leave();
  return pace_.has_done();
}

bool globbing::scan(const place& at) {
  directory_scan& s = rest_.scan();
  if (s.resume(*at.directory)) {
    found_.resize(complete_);
    rest_.forget();
  }
  const bool is_slice = s.advance(pace_, [&](const node& n) { see(at, n); });
  if (s.is_complete()) {
    complete_ = found_.size();
    rest_.leave();
  }
  return is_slice;
}

void globbing::see(const place& at, const node& n) {
  pattern::step s = wanted_->read(at.note, n.name.view());
  pace_.add(0, s.work);
  const bool descends = n.is_directory && !s.next.empty();
  if (!s.matches && !descends) return;
  std::string path = join(at.path, n.name.view());
  pace_.add(path.size());
  if (s.matches) {
    longest_ = std::max(longest_, path.size());
    found_.push_back(path);
  }
  if (descends)
    rest_.push(static_cast<const directory_node&>(n), std::move(path), std::move(s.next));
}

}  // namespace coramfs::detail
