// SPDX-License-Identifier: BSL-1.0
#include "tree/listing.hpp"

#include "core/path.hpp"

#include <new>

namespace coramfs::detail {

progress listing::advance() noexcept {
  if (!status_) return progress::done;
  return progress_or_failure(step(), status_);
}

result<std::vector<std::string>> listing::outcome() noexcept {
  if (!status_) return status_.error();
  return sorted_.take();
}

result<progress> listing::step() noexcept try {
  if (!sorts_) {
    BOOST_OUTCOME_TRY(scan());
    if (!scan_.is_complete()) return progress::yields;
    sorted_.begin(std::move(names_));
    sorts_ = true;
  }
  return sorted_.step() ? progress::yields : progress::done;
} catch (const std::bad_alloc&) {
  return errc::out_of_memory;
}

result<void> listing::scan() {
  path_buffer buffer;
  BOOST_OUTCOME_TRY(const auto normal, buffer.normalise(path_));
  const tree::shared_access access(volume_->names);
  BOOST_OUTCOME_TRY(const auto at, volume_->names.look_up(normal));
  BOOST_OUTCOME_TRY(const auto* directory, at.require_directory());
  if (scan_.resume(*directory)) {
    names_.clear();
    names_.reserve(directory->entries.size());
  }
  scan_.advance(pace_, [this](const node& n) { names_.emplace_back(n.name.view()); });
  return boost::outcome_v2::success();
}

}  // namespace coramfs::detail
