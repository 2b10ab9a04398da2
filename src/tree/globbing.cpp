// SPDX-License-Identifier: BSL-1.0
#include "tree/globbing.hpp"

#include <new>

namespace coramfs::detail {

progress globbing::advance() noexcept {
  if (!status_) return progress::done;
  const auto gone_on = step();
  if (gone_on) return gone_on.value();
  status_ = gone_on.error();
  return progress::done;
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
    sorted_.begin(std::move(found_));
    sorts_ = true;
  }
  return sorted_.step() ? progress::yields : progress::done;
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

result<void> globbing::begin() {
  if (!text_.valid()) return errc::out_of_memory;
  wanted_.emplace(text_.view());
  const tree::shared_access access(volume_->names);
  rest_.push(volume_->names.root(), {}, wanted_->start());
  return boost::outcome_v2::success();
}

// True: a slice is done, and there is more.
bool globbing::descend() {
  const tree::shared_access access(volume_->names);
  rest_.begin_hold();
  while (!rest_.empty()) {
    const place at = rest_.take(volume_->names);
    if (at.directory != nullptr) visit_all(at);
    if (std::exchange(is_slice_, false) && !rest_.empty()) return true;
  }
  return false;
}

void globbing::visit_all(const place& at) {
  const directory_index& entries = at.directory->entries;
  if (const auto name = wanted_->only_name(at.note)) {
    if (const node* const n = entries.find(*name)) visit(at, *n);
    return;
  }
  for (const node* n = entries.first(); n != nullptr; n = entries.next(*n)) visit(at, *n);
}

void globbing::visit(const place& at, const node& n) {
  is_slice_ = pace_.has_done() || is_slice_;
  pattern::step s = wanted_->read(at.note, n.name.view());
  const bool descends = n.is_directory && !s.next.empty();
  if (!s.matches && !descends) return;
  std::string path = join(at.path, n.name.view());
  if (s.matches) found_.push_back(path);
  if (descends)
    rest_.push(static_cast<const directory_node&>(n), std::move(path), std::move(s.next));
}

}  // namespace coramfs::detail
